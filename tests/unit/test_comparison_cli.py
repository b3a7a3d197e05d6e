"""`perfcompare run` without services: options to request, addresses, text, exit codes, progress."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.cli.comparing import DEFAULTS, addresses_of, exit_code
from orchestrator.cli.live import LiveProgress, span
from orchestrator.cli.report_text import write_report
from orchestrator.cli.requesting import CONFIGURATION, REQUEST, request_of
from orchestrator.errors import UsageError
from orchestrator.surroundings import Settings
from shared_models import ComparisonReport, ComparisonRequest, TestConfiguration
from tests.support.fake_backend import FakeBackend

from .test_comparison_coordinator import compared, pair, request

OPTIONS = (*CONFIGURATION, *REQUEST, "side", "prompts", "warmup", "shuffle")
NOTHING: dict[str, Any] = dict.fromkeys(OPTIONS) | {"schedule": "interleaved"}


def asked(**given: Any) -> ComparisonRequest:
    """Return the request of a command line with these options."""
    return request_of(NOTHING | given)


def test_without_options_it_is_the_standard_comparison() -> None:
    """600 calls a side, interleaved, warm-up left to the coordinator."""
    found = asked()

    assert ("interleaved", 600) == (found.schedule, found.configuration.iterations)
    assert {"iterations"} == found.configuration.model_fields_set
    assert 10 == asked(schedule="parallel").configuration.iterations
    assert "iterations" not in asked(duration=30.0).configuration.model_fields_set


def test_every_option_reaches_its_field() -> None:
    """Each under its own name; the seed is for everything that is random."""
    names = set(CONFIGURATION.values()) | set(REQUEST.values())
    fields = (*TestConfiguration.model_fields.values(), *ComparisonRequest.model_fields.values())
    assert names <= {field.alias for field in fields}

    found = asked(
        mode="rate", rate=5.0, arrivals="poisson", duration=30.0, window=5.0, seed=9, margin=0.1,
        side=["python", "python:client", "dotnet:aot"], calls_per_segment=2, turns=3,
    )  # fmt: skip

    assert (9, 9) == (found.seed, found.configuration.seed)
    assert (5.0, 0.1, 2) == (
        found.window_seconds,
        found.equivalence_margin,
        found.calls_per_segment,
    )
    assert found.sides is not None
    assert [
        ("python-backend", None),
        ("python-backend", "client"),
        ("dotnet-backend", "aot"),
    ] == [(side.backend, side.flavour) for side in found.sides]


@pytest.mark.parametrize(
    ("text", "iterations", "seconds"),
    [("auto", "auto", None), ("20", 20, None), ("2s", 1, 2.0), ("0.5s", 1, 0.5)],
)
def test_a_warm_up_is_a_number_a_time_or_automatic(
    text: str, iterations: int | str, seconds: float | None
) -> None:
    """All three in one option."""
    configuration = asked(warmup=text).configuration

    assert (iterations, seconds) == (configuration.warmup_iterations, configuration.warmup_seconds)


def test_a_prompt_file_brings_prompts_and_lengths(tmp_path: Path) -> None:
    """Shuffled by the seed when asked for."""
    file = tmp_path / "p.jsonl"
    file.write_text("".join(f'{{"prompt": "{n}", "expected_tokens": {n}}}\n' for n in range(1, 9)))

    plain, mixed = asked(prompts=file), asked(prompts=file, shuffle=True, seed=3)

    assert list(range(1, 9)) == plain.expected_tokens
    assert mixed.configuration.prompts is not None
    assert plain.configuration.prompts != mixed.configuration.prompts
    assert [int(prompt) for prompt in mixed.configuration.prompts] == mixed.expected_tokens


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"iterations": 0}, "--iterations: "),
        ({"calls_per_segment": 0}, "--calls-per-segment: "),
        ({"mode": "fast"}, "--mode: "),
        ({"warmup": "-1"}, "--warmup: "),
        ({"warmup": "soon"}, "--warmup: 'soon' is neither"),
        ({"side": ["java"]}, "--side: 'java' is not python or dotnet"),
        ({"side": ["python:"]}, "--side: "),
        ({"side": ["python:fast"]}, "--side: "),
        ({"prompts": Path("/none.jsonl")}, "--prompts: "),
    ],
    ids=range(9),
)
def test_a_wrong_option_is_named(given: dict[str, Any], words: str) -> None:
    """And the exit code is that of a usage error."""
    with pytest.raises(UsageError, match=words) as refusal:
        asked(**given)

    assert 2 == refusal.value.exit_code


def test_addresses_come_from_options_environment_or_habit(tmp_path: Path) -> None:
    """In this order; no stack runs in this data directory."""
    settings = Settings(
        environment={"services__dotnet-backend__http__0": "http://there:2"}, data_dir=tmp_path
    )

    assert DEFAULTS | {
        "dotnet-backend": "http://there:2",
    } == addresses_of({}, settings)
    found = addresses_of({"dotnet-backend": "http://here:3"}, settings)
    assert "http://here:3" == found["dotnet-backend"]
    with pytest.raises(UsageError, match="not an http"):
        addresses_of({"python-backend": "localhost:5001"}, settings)


def test_when_nothing_answers_it_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and the exit code of a failed run."""
    monkeypatch.setenv("PERFCOMPARE_DATA_DIR", str(tmp_path))
    code = main(["run", "--python-url", "http://127.0.0.1:9", "--iterations", "20"])

    assert 4 == code
    assert "no Python backend answers at http://127.0.0.1:9" in capsys.readouterr().err


def text_of(report: ComparisonReport) -> str:
    """Return what a pipe gets."""
    stream = io.StringIO()
    write_report(report, stream)
    return stream.getvalue()


async def test_the_text_has_figures_verdict_and_what_bears_on_it() -> None:
    """Everything that a person needs to judge the result."""
    fakes = pair()
    fakes[0].metrics_changes = {"provider": "ollama-simulator"}
    report = await compared(request(launches=4, configuration={"iterations": 80}), *fakes)
    lines = text_of(report).splitlines()

    assert lines[0].startswith("SIMULATED MODEL")
    assert ["Python", ".NET"] == lines[1].split()
    assert lines[2].startswith("median (95 % interval), ms")
    assert report.headline in lines
    assert any(line.startswith("Ratio 1.") and "4 launches" in line for line in lines)
    assert all(f"{f.severity}: {f.text}" in lines for f in report.findings)
    assert not any("goodput" in line for line in lines)


async def test_an_inconclusive_result_says_what_it_could_have_found() -> None:
    """The smallest effect, and how many launches would settle it."""
    fakes = pair()
    fakes[1].latency_ms = 21.0
    report = await compared(request(launches=4, configuration={"iterations": 40}), *fakes)

    assert "inconclusive" == report.verdict
    assert "would be found with 80 % power" in text_of(report)


async def test_a_schedule_without_a_verdict_names_the_flag_that_gives_one() -> None:
    """And the exit code is still that of success."""
    report = await compared(request(schedule="parallel"), *pair())

    assert "--schedule interleaved gives one" in text_of(report)
    assert 0 == exit_code(report)


@pytest.mark.parametrize(
    ("fields", "faults", "code"),
    [
        ({}, {}, 0),
        ({}, {"median_ms": None}, 3),
        ({}, {"failure": "died", "fail_after_blocks": 1}, 4),
        ({"schedule": "sequential"}, {"median_ms": None}, 4),
    ],
    ids=["verdict", "invalid", "failed", "no success"],
)
async def test_exit_codes(fields: dict[str, Any], faults: dict[str, Any], code: int) -> None:
    """0 for a verdict of whatever kind, 3 invalid, 4 failed."""
    fakes: tuple[FakeBackend, ...] = pair(**faults)

    assert code == exit_code(await compared(request(**fields), *fakes))


async def test_a_pipe_gets_a_line_for_what_is_news() -> None:
    """Not one for each of the reports."""
    report = await compared(request(), *pair())
    running = report.model_copy(update={"status": "Running"})
    stream = io.StringIO()
    with LiveProgress(stream) as live:
        for done in (0, 1, 19, 20, 21, 40, 79, 80):
            changed = {"done": done, "phase": "measuring", "remaining_ms": 80_000 - done * 1_000}
            progress = report.progress.model_copy(update=changed)
            live.show(running.model_copy(update={"progress": progress}))

    assert [0, 25, 50, 75, 100] == [
        int(line.split(", ")[1].removesuffix(" % done")) for line in stream.getvalue().splitlines()
    ]
    assert "launch 2 of 2: measuring, 25 % done, 1 min 00 s left" in stream.getvalue()


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


async def test_a_terminal_gets_a_bar_that_leaves_nothing_behind() -> None:
    """With the phase and the time left."""
    report = await compared(request(), *pair())
    changed = {"done": 20, "phase": "measuring", "remaining_ms": 61_000}
    progress = report.progress.model_copy(update=changed)
    stream = Terminal()
    with LiveProgress(stream) as live:
        live.show(report.model_copy(update={"status": "Running", "progress": progress}))

    assert "launch 2 of 2: measuring, 1 min 01 s left" in stream.getvalue()
    assert "25 %" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")  # the line is erased


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(400, "0 s"), (59_000, "59 s"), (185_000, "3 min 05 s"), (3_720_000, "1 h 02 min")],
)
def test_spans_are_for_people(milliseconds: int, words: str) -> None:
    """Two units at most."""
    assert words == span(milliseconds)


async def test_the_json_is_the_report() -> None:
    """As the API gives it."""
    report = await compared(request(), *pair())

    assert {"verdict", "pairs", "sides", "findings"} <= set(json.loads(report.model_dump_json()))
