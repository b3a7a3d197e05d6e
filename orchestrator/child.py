"""The first thing in every child: ties its life to the orchestrator's, then becomes the service.

A service could do this itself, but only after its imports, and an orchestrator that is killed in
that second would leave it running for ever.
"""

import os
import runpy
import sys
import threading

from service_defaults.parent import die_with_parent


def main() -> None:
    """Run the module that the second argument names; the first is the orchestrator's pid."""
    orchestrator, module = int(sys.argv[1]), sys.argv[2]
    del sys.argv[1:]
    if sys.platform.startswith("linux"):
        die_with_parent()
    else:
        threading.Thread(target=_die_at_end_of_input, daemon=True).start()
    if os.getppid() != orchestrator:
        sys.exit("the orchestrator has gone")
    # structlog and httpx load rich wherever it is installed, for tracebacks and a command line
    # that no service uses: 6 MB and 0.1 s in each. None is the interpreter's sign for "absent".
    sys.modules["rich"] = None  # type: ignore[assignment]
    os._exit(_run(module))


def _run(module: str) -> int:
    # What a service opened is closed when its main returns. Taking the interpreter down as well
    # costs 0.2 to 0.4 s for each service, which the stop of the whole stack would wait for.
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _die_at_end_of_input() -> None:
    # The orchestrator holds the other end and never writes.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
