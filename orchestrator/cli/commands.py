"""The commands and their options; what they do is in the modules they import when they run."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from orchestrator.errors import EXIT_INTERRUPTED, OrchestratorError

app = typer.Typer(
    name="perfcompare",
    help="Compare a Python and a .NET agent on your model server.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, the rest on stderr.")]


def _port(resource: str) -> typer.models.OptionInfo:
    option = typer.Option(min=1, max=65_535, metavar="N", help=f"Port of {resource}.")
    assert isinstance(option, typer.models.OptionInfo)  # noqa: S101 - typed as Any upstream
    return option


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@app.callback(invoke_without_command=True)
def perfcompare(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Compare a Python and a .NET agent on your model server."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"perfcompare {installed('perfcompare')}")
        raise typer.Exit


@app.command()
def up(
    *,
    port_web: Annotated[int | None, _port("the dashboard")] = None,
    port_python: Annotated[int | None, _port("the Python backend")] = None,
    port_dotnet: Annotated[int | None, _port("the .NET backend")] = None,
    port_ollama: Annotated[int | None, _port("Ollama, or of the simulator")] = None,
    simulate: Annotated[
        bool | None,
        typer.Option(
            "--simulate/--no-simulate",
            help="Start the simulator beside a real Ollama, or never. By default it starts when "
            "no Ollama answers.",
        ),
    ] = None,
    isolated: Annotated[
        bool, typer.Option(help="A stack of its own beside others: free ports, own data.")
    ] = False,
    detach: Annotated[bool, typer.Option(help="Return when everything is ready.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show every line of every service.")] = False,
    as_json: Json = False,
    directory: Annotated[Path | None, typer.Option(hidden=True)] = None,
    ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start everything, show it, and stop it at Ctrl-C."""
    from .launching import Request, start

    ports = {
        "web": port_web,
        "python-backend": port_python,
        "dotnet-backend": port_dotnet,
        "ollama": port_ollama,
        "ollama-simulator": port_ollama,
    }
    request = Request(
        ports={name: port for name, port in ports.items() if port is not None},
        simulate=simulate,
        isolated=isolated,
        detach=detach,
        verbose=verbose,
        as_json=as_json,
        directory=directory,
        ready_descriptor=ready_fd,
    )
    _exit_with(lambda: start(request))


@app.command()
def down(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Isolated stacks too.")] = False,
) -> None:
    """Stop the running stack and wait for its end."""
    from .stopping import stop

    _exit_with(lambda: stop(everything=everything))


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check this machine and say how to repair what is missing."""
    from .doctor import examine

    _exit_with(lambda: examine(as_json=as_json))


def _exit_with(command: Callable[[], int]) -> NoReturn:
    try:
        code = command()
    except OrchestratorError as error:
        sys.stderr.write(f"perfcompare: {error}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    raise typer.Exit(code)
