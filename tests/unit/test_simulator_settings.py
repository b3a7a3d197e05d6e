"""Flags and variables of the simulator."""

import pytest

from ollama_simulator.access import is_local_host
from ollama_simulator.errors import InvalidSetting
from ollama_simulator.latency import LatencyModel
from ollama_simulator.settings import SimulatorSettings, read_settings


def test_without_anything_given_the_defaults_hold() -> None:
    assert read_settings([], {}) == SimulatorSettings()


def test_the_default_models_are_those_of_the_examples() -> None:
    assert SimulatorSettings().models == ("ministral-3", "llama2", "mistral")


def test_flags_set_everything() -> None:
    flags = (
        "--port 1 --models a,b:7b --latency-ms 5 --distribution fixed --sigma 0 --token-ms 1 "
        "--prompt-ms 2 --load-ms 3 --slots 4 --queue 6 --seed 7 --keep-alive 1h "
        "--reply-tokens 9 --tool-calls 0 --control --fault cut-mid-body:count=2"
    )
    settings = read_settings(flags.split())
    assert settings.models == ("a", "b:7b")
    assert settings.latency == LatencyModel(
        latency_ms=5, distribution="fixed", sigma=0, token_ms=1, prompt_ms=2, load_ms=3
    )
    assert (settings.port, settings.slots, settings.queue, settings.seed) == (1, 4, 6, 7)
    assert (settings.keep_alive, settings.reply_tokens, settings.control) == ("1h", 9, True)
    assert settings.tool_calls == 0
    assert [(fault.kind, fault.count) for fault in settings.faults] == [("cut-mid-body", 2)]


def test_a_variable_sets_and_a_flag_wins_over_it() -> None:
    environ = {"PERFCOMPARE_SIMULATOR_SLOTS": "3", "PERFCOMPARE_SIMULATOR_SEED": "4"}
    settings = read_settings(["--slots", "2"], environ)
    assert (settings.slots, settings.seed) == (2, 4)


def test_an_inherited_socket_is_taken_from_the_shared_variable() -> None:
    assert read_settings([], {"PERFCOMPARE_LISTEN_FD": "5"}).listen_fd == 5


@pytest.mark.parametrize(
    "environ",
    [
        {"PERFCOMPARE_SIMULATOR_SLOT": "3"},
        {"PERFCOMPARE_SIMULATOR_SLOTS": "three"},
        {"PERFCOMPARE_SIMULATOR_SLOTS": "0"},
        {"PERFCOMPARE_SIMULATOR_TOOL_CALLS": "-1"},
        {"PERFCOMPARE_SIMULATOR_TOOL_CALLS": "17"},
        {"PERFCOMPARE_SIMULATOR_CONTROL": "perhaps"},
        {"PERFCOMPARE_SIMULATOR_HOST": "0.0.0.0"},
        {"PERFCOMPARE_SIMULATOR_FAULT": "no-such-fault"},
        {"PERFCOMPARE_SIMULATOR_MODELS": " , "},
        {"PERFCOMPARE_SIMULATOR_KEEP_ALIVE": "soon"},
        {"PERFCOMPARE_LISTEN_FD": "x"},
    ],
)
def test_a_variable_that_makes_no_sense_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting):
        read_settings([], environ)


def test_an_unknown_flag_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(["--latenc-ms", "3"])
    assert caught.value.code == 2
    assert "--latenc-ms" in capsys.readouterr().err


def test_variables_of_other_services_are_none_of_its_business() -> None:
    assert read_settings([], {"PERFCOMPARE_DATA_DIR": "/x", "PORT": "9"}) == SimulatorSettings()


def test_it_listens_beyond_loopback_only_for_named_callers() -> None:
    """The services' own variables open it, and only together."""
    opened = read_settings(
        [], {"PERFCOMPARE_BIND": "0.0.0.0", "PERFCOMPARE_ALLOWED_HOSTS": "Models, ollama"}
    )

    assert "0.0.0.0" == opened.host
    assert ("models", "ollama") == opened.allowed_hosts
    with pytest.raises(InvalidSetting):
        read_settings([], {"PERFCOMPARE_BIND": "0.0.0.0"})


def test_a_named_caller_counts_as_local() -> None:
    """Only the names that the operator gave are let in beside the local ones."""
    assert is_local_host("models:11434", ("models",))
    assert not is_local_host("other:11434", ("models",))
