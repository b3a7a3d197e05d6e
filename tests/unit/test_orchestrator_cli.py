"""The command line without a stack: doctor, the table, the writer, the watcher."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import anyio
import httpx
import pytest

from orchestrator import errors, watcher
from orchestrator.cli import checks, main
from orchestrator.cli.doctor import Check
from orchestrator.cli.up_options import parse
from orchestrator.output import QUEUE_LINES, Output
from orchestrator.surroundings import Settings, load
from orchestrator.table import Row, colourful, plain
from service_defaults.errors import EXIT_CONFIGURATION
from service_defaults.settings import ServiceSettings, default_data_dir

ROWS = [
    Row(resource="web", state="running", url="http://127.0.0.1:5000"),
    Row(resource="ollama", state="unavailable", url="http://x", note="nothing listens"),
]


def test_the_light_constants_are_the_services_own() -> None:
    """They are repeated so that `up` does not have to import pydantic."""
    assert errors.EXIT_CONFIGURATION == EXIT_CONFIGURATION


def test_the_data_directory_is_the_services_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without XDG_DATA_HOME."""
    monkeypatch.delenv("PERFCOMPARE_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert load().data_dir == default_data_dir()
    monkeypatch.delenv("XDG_DATA_HOME")
    assert load().data_dir == default_data_dir()


@pytest.mark.parametrize(
    ("name", "value"),
    [("services__ollama__http__0", "localhost:1"), ("PERFCOMPARE_DATA_DIR", " ")],
)
def test_a_malformed_variable_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """78, and the variable is named."""
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.SettingError, match=name) as refusal:
        load().address_of("ollama")
    assert refusal.value.exit_code == EXIT_CONFIGURATION


def test_every_port_option_sets_its_resource() -> None:
    """The simulator follows Ollama's port, because it may take its place."""
    request = parse(["--port-web", "1", "--port-ollama", "2", "--no-simulate", "--detach"])
    assert request.ports == {"web": 1, "ollama": 2, "ollama-simulator": 2}
    assert request.simulate is False
    assert "--detach" not in request.arguments


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "1.5"])
def test_a_port_is_checked(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error that names the option."""
    assert main(["up", "--port-web", port]) == errors.EXIT_USAGE
    assert "--port-web" in capsys.readouterr().err


def test_the_table_is_aligned_in_a_pipe() -> None:
    """Every column begins below its heading."""
    heading, *lines = plain(ROWS).split("\n")
    assert {line.index("http://") for line in lines} == {heading.index("url")}


def test_the_table_is_complete_on_a_terminal() -> None:
    """Colours only add to the words."""
    table = colourful(ROWS, width=120)
    assert "\x1b[" in table
    assert all(word in table for row in ROWS for word in row.cells)


def test_a_reader_that_is_stuck_stops_nobody() -> None:
    """What does not fit is counted and said, and closing does not hang."""
    read, write = os.pipe()
    output = Output(write)
    for number in range(QUEUE_LINES * 2):
        output.line("x" * 100 + str(number))
    output.close()
    received = b""
    while b"not shown" not in received:
        received += os.read(read, 65_536)
        output.line("more")
    os.close(read)


def test_a_reader_that_has_gone_stops_nobody() -> None:
    """`perfcompare up | head` goes on."""
    read, write = os.pipe()
    os.close(read)
    output = Output(write)
    output.line("x")
    output.close()
    os.close(write)


def test_doctor_fails_only_on_a_failed_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A warning is no failure; every check has a name and a detail."""
    monkeypatch.setenv("PERFCOMPARE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(checks, "ALL", (checks.python, checks.sqlite, checks.data_directory))
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [check["status"] for check in told["checks"]] == ["pass"] * 3
    assert told["summary"] == {"pass": 3, "warning": 0, "fail": 0}


def test_doctor_says_how_to_repair_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One line with the way out, and exit code 1."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PERFCOMPARE_DATA_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(checks, "ALL", (checks.data_directory,))
    assert main(["doctor"]) == 1
    assert "→ make it writable" in capsys.readouterr().out


def test_a_broken_check_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a failed check itself."""

    def broken(_settings: Settings) -> list[Check]:
        raise RuntimeError("boom")

    monkeypatch.setattr(checks, "ALL", (broken, checks.sqlite))
    assert main(["doctor"]) == 1
    assert "SQLite" in capsys.readouterr().out


async def test_the_watcher_tells_what_it_sees() -> None:
    """Each service by its last probe; its own health says nothing about theirs."""
    environment: Mapping[str, str] = {"WEB_HTTP": "http://127.0.0.1:9"}
    app = watcher.create_app(ServiceSettings(), environment)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        with anyio.fail_after(20):
            while True:
                told = (await client.get("/api/resources")).json()
                if told["version"]:
                    break
                await anyio.sleep(0.01)
        assert (await client.get("/health")).status_code == 200
    (web,) = told["resources"]
    assert (web["name"], web["state"]) == ("web", "unhealthy")
    assert web["reason"] == "connection refused"
