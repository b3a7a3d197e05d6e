"""Where the command line begins: `up` directly, everything else through typer."""

import sys
from collections.abc import Callable, Sequence

from orchestrator.errors import EXIT_INTERRUPTED, OrchestratorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["up"]:
            return run_up(words[1:])
        from .commands import app

        app(words, prog_name="perfcompare")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def run_up(arguments: Sequence[str]) -> int:
    """Run `up`; returns its exit code."""
    from .launching import start
    from .up_options import parse

    request = parse(arguments)
    return exit_code_of(lambda: start(request))


def exit_code_of(command: Callable[[], int]) -> int:
    """Run a command; its errors become one line and their exit code."""
    try:
        return command()
    except OrchestratorError as error:
        sys.stderr.write(f"perfcompare: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
