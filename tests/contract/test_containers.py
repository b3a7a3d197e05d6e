"""The container files say what the services need: checked as text, and run as plain processes."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped] # ships no types

from orchestrator import apphost
from orchestrator.watcher import DEFAULT_PORT
from tests.support.stack import ROOT, eventually, stack_environment

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PORTS = {
    resource.name: resource.port for resource in apphost.application().resources if resource.module
} | {"orchestrator": DEFAULT_PORT}
_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


@dataclass(kw_only=True)
class Stage:
    """One `FROM` and what follows it."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def last(self, keyword: str) -> str | None:
        """Return the arguments of the last such instruction."""
        return next((rest for word, rest in reversed(self.instructions) if word == keyword), None)


def _stages(text: str) -> dict[str, Stage]:
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    stages: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    current = Stage(name="", base="")
    for line in joined.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "ARG" and not stages:
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            resolved = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
            current = stages[name] = Stage(name=name, base=resolved)
        else:
            current.instructions.append((word, rest.strip()))
    return stages


STAGES = _stages((ROOT / "Dockerfile").read_text("utf-8"))


def _lineage(name: str) -> Iterator[Stage]:
    while name in STAGES:
        yield STAGES[name]
        name = STAGES[name].base


def _target(service: str) -> Stage:
    return STAGES[OURS[service]["build"]["target"]]


def _found(service: str, keyword: str) -> str:
    for stage in _lineage(_target(service).name):
        value = stage.last(keyword)
        if value is not None:
            return value
    pytest.fail(f"{service}: no {keyword} in its stages")


def _environment(service: str) -> dict[str, str]:
    return {
        name: _DEFAULT.sub(lambda match: match[1], str(value))
        for name, value in OURS[service]["environment"].items()
    }


def test_every_service_of_the_diagram_is_in_compose() -> None:
    """Nothing of the product is forgotten."""
    assert set(OURS) == set(PORTS)


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_copied_exists_and_is_not_ignored(stage: str) -> None:
    """A COPY without its source breaks the build long after the change that broke it."""
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    for word, rest in STAGES[stage].instructions:
        if word == "COPY" and "--from=" not in rest:
            *sources, _target_path = rest.split()
            assert [s for s in sources if not (ROOT / s).exists()] == []
            assert set(sources) <= allowed


@pytest.mark.parametrize("stage", STAGES)
def test_copies_between_stages_name_an_earlier_stage(stage: str) -> None:
    """And never an image that is not declared at the top."""
    earlier = list(STAGES)[: list(STAGES).index(stage)]
    sources = [
        match[1]
        for word, rest in STAGES[stage].instructions
        if word == "COPY" and (match := re.search(r"--from=(\S+)", rest))
    ]
    assert set(sources) <= set(earlier)


@pytest.mark.parametrize("stage", STAGES)
def test_images_are_pinned(stage: str) -> None:
    """A full version: no `latest`, no moving tag."""
    base = STAGES[stage].base
    assert base in STAGES or re.search(r":\d+\.\d+\.\d+", base), base


def test_the_model_servers_image_is_pinned() -> None:
    """Also where it is not ours."""
    assert re.search(r":\d+\.\d+\.\d+$", SERVICES["ollama"]["image"])


@pytest.mark.parametrize("service", OURS)
def test_a_service_runs_without_rights(service: str) -> None:
    """No root, no capabilities, nothing to write but its data."""
    assert _found(service, "USER") not in ("root", "0")
    assert OURS[service]["cap_drop"] == ["ALL"]
    assert OURS[service]["read_only"] is True
    assert OURS[service]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", OURS)
def test_the_command_is_a_module_of_ours(service: str) -> None:
    """In the list form, so that the signal reaches Python and not a shell."""
    python, option, module, *_ = yaml.safe_load(_found(service, "CMD"))
    assert (python, option) == ("python", "-m")
    assert find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_loopback_only(service: str) -> None:
    """The services trust this machine's user and nobody else."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service]["ports"])


@pytest.mark.parametrize("service", OURS)
def test_the_port_is_the_same_everywhere(service: str) -> None:
    """Diagram, image, compose and health check agree."""
    port = PORTS[service]
    assert _found(service, "EXPOSE") == str(port)
    assert OURS[service]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert str(port) in (
        _environment(service).get("PORT"),
        _environment(service).get("PERFCOMPARE_SIMULATOR_PORT"),
    )
    assert f"http://127.0.0.1:{port}/" in _found(service, "HEALTHCHECK")


def test_dependencies_are_waited_for_until_healthy() -> None:
    """Started is not ready."""
    for service in SERVICES.values():
        for name, dependency in service.get("depends_on", {}).items():
            assert dependency["condition"] == "service_healthy"
            assert name in SERVICES


@pytest.mark.parametrize("service", OURS)
def test_a_service_that_listens_wide_names_its_hosts(service: str) -> None:
    """Without the names it would refuse to start."""
    environment = _environment(service)
    assert environment["PERFCOMPARE_BIND"] == "0.0.0.0"
    assert service in environment["PERFCOMPARE_ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize("service", ["python-backend", "dotnet-backend"])
def test_a_backend_may_use_the_model_server_that_it_is_told(service: str) -> None:
    """The default, and the real one of the profile."""
    environment = _environment(service)
    allowed = environment["PERFCOMPARE_ALLOWED_ENDPOINTS"].split(",")
    assert environment["services__ollama__http__0"] in allowed
    assert "http://ollama:11434" in allowed


def test_the_parser_reads_continued_lines_and_arguments() -> None:
    """The checks above rest on it."""
    stages = _stages("ARG I=a:1.2.3\nFROM ${I} AS b\nENV A=1 \\\n    B=2\nFROM b AS c\nUSER 1\n")
    assert stages["b"].base == "a:1.2.3"
    assert stages["b"].last("ENV") == "A=1 B=2"
    assert stages["c"].last("USER") == "1"


@pytest.mark.stack
@pytest.mark.timeout(420)
def test_the_commands_work_together_as_plain_processes(tmp_path: Path) -> None:
    """Each with its compose environment; only the host names become 127.0.0.1."""
    _ports_free_or_skip()
    with _composed(tmp_path):
        for service, port in PORTS.items():
            path = "/api/version" if service == "ollama-simulator" else "/health"
            assert eventually(lambda p=port, q=path: _answers(p, q), deadline_s=360), service  # type: ignore[misc]
        assert eventually(lambda: set(_states().values()) == {"running"}), _states()


@contextmanager
def _composed(directory: Path) -> Iterator[None]:
    processes = []
    try:
        for service in OURS:
            command = yaml.safe_load(_found(service, "CMD"))
            processes.append(
                subprocess.Popen(
                    [sys.executable, *command[1:]],
                    env=_plain_environment(service, directory),
                    stderr=subprocess.DEVNULL,
                )
            )
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _plain_environment(service: str, directory: Path) -> dict[str, str]:
    environment = {
        name: re.sub(rf"http://({'|'.join(map(re.escape, PORTS))}):", "http://127.0.0.1:", value)
        for name, value in _environment(service).items()
    }
    # The image's own ENV, not compose's: where it may write.
    environment["PERFCOMPARE_DATA_DIR"] = str(directory / service)
    return stack_environment(environment)


def _ports_free_or_skip() -> None:
    for service, port in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                reason = f"port {port} for {service} is taken"
                if os.environ.get("CI") == "true":  # noqa: TID251 - CI has the ports to itself
                    pytest.fail(reason)
                pytest.skip(reason)


def _answers(port: int, path: str) -> bool:
    try:
        reply = httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=2)
    except httpx.HTTPError:
        return False
    return reply.status_code == 200


def _states() -> Mapping[str, str]:
    reply = httpx.get(f"http://127.0.0.1:{DEFAULT_PORT}/api/resources", trust_env=False)
    return {resource["name"]: resource["state"] for resource in reply.json()["resources"]}
