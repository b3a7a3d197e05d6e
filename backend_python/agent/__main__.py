"""Start the agent: `python -m backend_python.agent`."""

import argparse
import asyncio
import os
import sys

from service_defaults.parent import die_with_parent

from .server import AgentServer


def main() -> int:
    """Serve the protocol on stdin and stdout until shutdown or end of input."""
    parser = argparse.ArgumentParser(prog="backend_python.agent")
    parser.add_argument(
        "--chat-client-delay-ms",
        type=float,
        default=0.0,
        help="wait this long in the chat client before each call (for self-tests)",
    )
    arguments = parser.parse_args()
    die_with_parent()
    # stdout belongs to the protocol: whatever else prints there lands in the log instead.
    protocol_out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = AgentServer(protocol_out, chat_client_delay_ms=arguments.chat_client_delay_ms)
    asyncio.run(server.serve(sys.stdin.buffer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
