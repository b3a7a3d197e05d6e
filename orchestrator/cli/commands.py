"""The commands beside `up`; what they do is in the modules they import when they run."""

from typing import Annotated

import typer

from .entry import exit_code_of, run_up
from .run import run
from .selftest import selftest

app = typer.Typer(
    name="perfcompare",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def perfcompare(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Compare a Python and a .NET agent on your model server."""
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            typer.echo(f"perfcompare {installed('perfcompare')}")
        except PackageNotFoundError:
            typer.echo("perfcompare (not installed: run from its source)")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def up(context: typer.Context) -> None:
    """Start everything, show it, and stop it at Ctrl-C."""
    raise typer.Exit(run_up(context.args))


@app.command()
def down(
    *, everything: Annotated[bool, typer.Option("--all", help="Isolated stacks too.")] = False
) -> None:
    """Stop the running stack and wait for its end."""
    from .stopping import stop

    raise typer.Exit(exit_code_of(lambda: stop(everything=everything)))


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check this machine and say how to repair what is missing."""
    from .doctor import examine

    raise typer.Exit(exit_code_of(lambda: examine(as_json=as_json)))


@app.command("agent-check")
def agent_check(
    command: Annotated[list[str], typer.Argument(help="The agent's command, after `--`.")],
    *,
    as_json: Json = False,
    deadline: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which a silent agent has failed.")
    ] = 20.0,
) -> None:
    """Check that a command speaks the agent protocol and measures honestly."""
    from .agent_check import check_agent

    raise typer.Exit(check_agent(command, as_json_text=as_json, patience_s=deadline))


app.command()(run)
app.command()(selftest)
