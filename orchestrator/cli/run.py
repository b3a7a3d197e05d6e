"""`perfcompare run`: the options, and what becomes of them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .entry import exit_code_of

Side = Annotated[
    list[str] | None,
    typer.Option("--side", metavar="NAME[:FLAVOUR]", help="python or dotnet; repeat for each."),
]
Margin = Annotated[
    float | None, typer.Option(help="Relative difference that does not matter [0.05].")
]
PythonUrl = Annotated[str | None, typer.Option(help="Where the Python backend is.")]
DotnetUrl = Annotated[str | None, typer.Option(help="Where the .NET backend is.")]


def run(
    *,
    iterations: Annotated[
        int | None, typer.Option(help="Timed calls a side [600 interleaved, else 10].")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model name.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="The model server's address.")] = None,
    mode: Annotated[
        str | None, typer.Option(help="standard, batch, concurrent, streaming or rate.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="chat, tools, conversation or structured.")
    ] = None,
    flavour: Annotated[
        str | None, typer.Option(help="agent, client, http or (on .NET) aot.")
    ] = None,
    schedule: Annotated[
        str, typer.Option(help="interleaved (the one with a verdict), parallel or sequential.")
    ] = "interleaved",
    launches: Annotated[int | None, typer.Option(help="Launch pairs [6].")] = None,
    side: Side = None,
    prompt: Annotated[str | None, typer.Option(help="{n} is the call's number.")] = None,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON lines with a `prompt` each.")
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Shuffle --prompts by --seed.")] = (
        False
    ),
    batch_size: Annotated[int | None, typer.Option(help="Calls in a batch.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Concurrent requests.")] = None,
    rate: Annotated[float | None, typer.Option(help="Calls per second (mode rate).")] = None,
    arrivals: Annotated[str | None, typer.Option(help="constant or poisson.")] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds a side, in place of --iterations.")
    ] = None,
    window: Annotated[float | None, typer.Option(help="Seconds of a window [10].")] = None,
    warmup: Annotated[
        str | None, typer.Option(help="A number of calls, seconds as 2s, or auto.")
    ] = None,
    calls_per_segment: Annotated[
        int | None, typer.Option(help="Calls before the sides alternate [5].")
    ] = None,
    margin: Margin = None,
    seed: Annotated[int | None, typer.Option(help="For everything that is random.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer.")] = None,
    turns: Annotated[int | None, typer.Option(help="Turns of a conversation.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    python_url: PythonUrl = None,
    dotnet_url: DotnetUrl = None,
) -> None:
    """Compare agents on the backends of a running stack, and say which is faster."""
    given: dict[str, Any] = dict(locals())
    raise typer.Exit(exit_code_of(lambda: _run(given)))


def _run(given: dict[str, Any]) -> int:
    from .comparing import compare_and_show
    from .requesting import request_of

    as_json, urls = (
        given.pop("as_json"),
        {
            "python-backend": given.pop("python_url"),
            "dotnet-backend": given.pop("dotnet_url"),
        },
    )
    return compare_and_show(request_of(given), urls, as_json=as_json)
