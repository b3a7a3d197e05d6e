"""What a service reads from its environment, and what it refuses to start with."""

from pathlib import Path

import pytest

from service_defaults.errors import ConfigurationError
from service_defaults.settings import ServiceSettings, reject_unknown_variables


def test_an_empty_environment_gives_a_service_on_loopback_only() -> None:
    """Without any variable nothing is reachable from another machine."""
    settings = ServiceSettings.load()

    assert "127.0.0.1" == settings.bind
    assert () == settings.allowed_hosts
    assert settings.api_key is None


@pytest.mark.parametrize("name", ["PERFCOMPARE_PROT", "PERFCOMPARE_", "PERFCOMPARE_API_KEYS"])
def test_a_mistyped_variable_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A variable with our prefix that nothing reads stops the start."""
    monkeypatch.setenv(name, "9000")

    with pytest.raises(ConfigurationError, match=name):
        ServiceSettings.load()


def test_the_simulators_variables_and_foreign_ones_are_left_alone() -> None:
    """Only our own prefix is checked, and the simulator checks its own."""
    reject_unknown_variables({"PERFCOMPARE_SIMULATOR_SLOTS": "2", "PATH": "/bin", "perf": "x"})


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.168.1.5", ""])
def test_listening_beyond_loopback_needs_the_hosts_it_is_called_by(
    monkeypatch: pytest.MonkeyPatch, bind: str
) -> None:
    """An exposed service without a Host allow-list never starts."""
    monkeypatch.setenv("PERFCOMPARE_BIND", bind)

    with pytest.raises(ConfigurationError, match="PERFCOMPARE_ALLOWED_HOSTS"):
        ServiceSettings.load()


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "localhost"])
def test_loopback_binds_need_nothing_else(monkeypatch: pytest.MonkeyPatch, bind: str) -> None:
    """Each way to say loopback is accepted."""
    monkeypatch.setenv("PERFCOMPARE_BIND", bind)

    assert bind == ServiceSettings.load().bind


def test_lists_are_split_at_commas_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks and empty parts do not become entries."""
    monkeypatch.setenv("PERFCOMPARE_BIND", "0.0.0.0")
    monkeypatch.setenv("PERFCOMPARE_ALLOWED_HOSTS", " bench.lan, ,box.lan,")
    monkeypatch.setenv("PERFCOMPARE_ALLOWED_ENDPOINTS", "http://gpu.lan:11434")

    settings = ServiceSettings.load()

    assert ("bench.lan", "box.lan") == settings.allowed_hosts
    assert ("http://gpu.lan:11434",) == settings.allowed_endpoints


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PERFCOMPARE_LISTEN_FD", "1"),
        ("PERFCOMPARE_LISTEN_FD", "abc"),
    ],
)
def test_a_malformed_value_is_refused_by_its_variables_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The operator reads which variable is wrong, and not its value."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        ServiceSettings.load()

    assert name.removeprefix("PERFCOMPARE_") in str(caught.value)


def test_the_api_key_does_not_show_in_a_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log line or a traceback with the settings gives no secret away."""
    monkeypatch.setenv("PERFCOMPARE_API_KEY", "canary-1234")

    settings = ServiceSettings.load()

    assert "canary" not in repr(settings)
    assert settings.api_key is not None
    assert "canary-1234" == settings.api_key.get_secret_value()


def test_settings_cannot_be_changed() -> None:
    """They are read once and then passed down."""
    with pytest.raises(ValueError, match="frozen"):
        ServiceSettings.load().bind = "0.0.0.0"  # type: ignore[misc] # the point of the test


def test_directories_follow_the_desktop_standard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Data and cache lie where the XDG variables say."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    settings = ServiceSettings.load()

    assert tmp_path / "data" / "perfcompare" == settings.data_dir
    assert tmp_path / "cache" / "perfcompare" == settings.cache_dir
