"""`perfcompare selftest`: does the whole pipeline find what is there, and nothing else?"""

from pathlib import Path
from typing import Annotated

import typer

from .entry import exit_code_of
from .run import DotnetUrl, PythonUrl


def selftest(
    *,
    comparisons: Annotated[
        int, typer.Option(min=1, max=1_000, help="Comparisons of each kind.")
    ] = 20,
    launches: Annotated[int, typer.Option(min=2, max=50, help="Launch pairs in each.")] = 4,
    super_blocks: Annotated[
        int, typer.Option(min=1, max=100, help="Super-blocks in a launch.")
    ] = 5,
    warmup_seconds: Annotated[float, typer.Option(min=0.1, max=600)] = 1.0,
    latency_ms: Annotated[
        float, typer.Option(min=0, max=60_000, help="What our simulator takes for an answer.")
    ] = 20.0,
    delay_percent: Annotated[
        float, typer.Option(min=1, max=1_000, help="By how much one side is made slower.")
    ] = 15.0,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Results so far; the test goes on there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    python_url: PythonUrl = None,
    dotnet_url: DotnetUrl = None,
) -> None:
    """Compare agents with themselves, plain and with a known delay, and count wrong verdicts."""

    def test() -> int:
        from .selftesting import self_test
        from .trials import SelfTest

        wanted = SelfTest(
            comparisons=comparisons,
            launches=launches,
            super_blocks=super_blocks,
            warmup_seconds=warmup_seconds,
            latency_ms=latency_ms,
            delay_percent=delay_percent,
        )
        urls = {"python-backend": python_url, "dotnet-backend": dotnet_url}
        return self_test(wanted, urls, state=state, as_json=as_json)

    raise typer.Exit(exit_code_of(test))
