"""The options of `perfcompare up`, the one command that stays in memory.

Read by argparse: typer would load pydantic before the first child could start, which costs 0.3 s
and 9 MB for as long as the stack runs.
"""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Sequence
from pathlib import Path

from .launching import Request

PORT_OPTIONS = {
    "--port-web": ("web",),
    "--port-python": ("python-backend",),
    "--port-dotnet": ("dotnet-backend",),
    "--port-ollama": ("ollama", "ollama-simulator"),
}
"""Each option and the resources whose port it sets."""


def parse(arguments: Sequence[str]) -> Request:
    """Return what was asked for; argparse exits with 2 on a usage error."""
    given = _parser().parse_args(arguments)
    ports = {
        name: port
        for option, names in PORT_OPTIONS.items()
        if (port := getattr(given, option.strip("-").replace("-", "_"))) is not None
        for name in names
    }
    return Request(
        ports=ports,
        simulate=given.simulate,
        isolated=given.isolated,
        detach=given.detach,
        verbose=given.verbose,
        as_json=given.json,
        directory=given.directory,
        ready_descriptor=given.ready_fd,
        arguments=tuple(word for word in arguments if word not in ("--detach", "--json")),
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="perfcompare up",
        description="Start everything, show it, and stop it at Ctrl-C.",
        allow_abbrev=False,
    )
    for option, names in PORT_OPTIONS.items():
        parser.add_argument(option, type=_port, metavar="N", help=f"port of {' or '.join(names)}")
    parser.add_argument(
        "--simulate",
        action=BooleanOptionalAction,
        help="start the simulator beside a real Ollama, or never; else when no Ollama answers",
    )
    for option, text in {
        "--isolated": "a stack of its own beside others: free ports, own data",
        "--detach": "return when everything is ready",
        "--verbose": "show every line of every service",
        "--json": "print one line of JSON on stdout when ready, the rest on stderr",
    }.items():
        parser.add_argument(option, action="store_true", help=text)
    # For the detached process: where its parent put the data and waits for the ready line.
    parser.add_argument("--directory", type=Path, help=SUPPRESS)
    parser.add_argument("--ready-fd", type=int, help=SUPPRESS)
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= 65_535:
        raise ArgumentTypeError(f"{text!r} is not a port between 1 and 65535")
    return port
