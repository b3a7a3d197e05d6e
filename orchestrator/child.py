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
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_at_end_of_input() -> None:
    # The orchestrator holds the other end and never writes.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
