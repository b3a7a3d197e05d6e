"""Start the agent: `python -m backend_python.agent`."""

import argparse
import asyncio
import os
import sys

from service_defaults.parent import die_with_parent

from .server import AgentServer


def main() -> int:
    """Serve the protocol on stdin and stdout until shutdown or end of input."""
    argparse.ArgumentParser(prog="backend_python.agent").parse_args()
    die_with_parent()
    # stdout belongs to the protocol: whatever else prints there lands in the log instead.
    protocol_out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(AgentServer(protocol_out).serve(sys.stdin.buffer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
