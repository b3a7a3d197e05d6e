"""`python -m orchestrator`: the command line, or the watcher of services started elsewhere."""

import sys


def main() -> int:
    """Run what the arguments ask for; returns the exit code."""
    if sys.argv[1:] == ["--no-launch"]:
        from .watcher import main as watch

        return watch()
    from .cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
