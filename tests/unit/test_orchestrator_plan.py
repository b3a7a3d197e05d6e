"""The diagram and the plan: order, addresses, and what a child may see."""

from pathlib import Path

import pytest

from orchestrator import apphost
from orchestrator.errors import DependencyCycle, DuplicateResource, UnknownResource
from orchestrator.model import Application, Resource
from orchestrator.plan import External, Launch, Surroundings, in_order, plan

PORTS = {"web": 5000, "python-backend": 5001, "dotnet-backend": 5002}


def _resource(
    name: str, *, references: tuple[str, ...] = (), waits_for: tuple[str, ...] = ()
) -> Resource:
    return Resource(
        name=name,
        port=1,
        health_path="/",
        module="m",
        references=references,
        waits_for=waits_for,
    )


def _launches(
    caller: dict[str, str] | None = None,
    *,
    ports: dict[str, int] = PORTS,
    ollama: str = "http://localhost:11434",
) -> dict[str, Launch]:
    made = plan(
        apphost.application().resources,
        ports=ports,
        descriptors={name: index for index, name in enumerate(ports, start=7)},
        externals=(External(name="ollama", url=ollama),),
        surroundings=Surroundings(
            caller=caller or {}, data_dir=Path("/data"), launcher=1, instance="abc"
        ),
    )
    return {launch.name: launch for launch in made.launches}


def test_dependencies_come_before_their_dependents() -> None:
    """References and waits both count, whatever the order of declaration."""
    a = _resource("a", references=("b",))
    b = _resource("b", waits_for=("c",))

    assert [r.name for r in in_order([a, b, _resource("c")])] == ["c", "b", "a"]


def test_a_circle_is_refused_with_its_members() -> None:
    """Whoever drew the circle sees it."""
    with pytest.raises(DependencyCycle, match=r"(a → b → a|b → a → b)"):
        in_order([_resource("a", waits_for=("b",)), _resource("b", references=("a",))])


def test_waiting_for_itself_is_a_circle() -> None:
    """The shortest circle is one."""
    with pytest.raises(DependencyCycle):
        in_order([_resource("a", waits_for=("a",))])


def test_an_undeclared_reference_is_named() -> None:
    """Both ends of the broken reference are in the message."""
    with pytest.raises(UnknownResource, match="a refers to b"):
        in_order([_resource("a", references=("b",))])


def test_a_name_is_declared_once() -> None:
    """The second declaration is refused."""
    app = Application()
    app.add_service("a", module="m", port=1)
    with pytest.raises(DuplicateResource):
        app.add_external("a", port=2, health_path="/")


def test_the_dashboard_is_told_every_address_in_both_spellings() -> None:
    """Aspire's discovery variables and the simple ones."""
    told = _launches()["web"].environment

    for name, url in {
        "python-backend": "http://127.0.0.1:5001",
        "dotnet-backend": "http://127.0.0.1:5002",
        "ollama": "http://localhost:11434",
    }.items():
        assert url == told[f"services__{name}__http__0"]
        assert url == told[name.upper().replace("-", "_") + "_HTTP"]


def test_a_backend_is_told_the_model_server_only() -> None:
    """Nobody learns an address that it does not need."""
    told = _launches()["python-backend"].environment

    assert [n for n in told if n.startswith("services__")] == ["services__ollama__http__0"]


def test_a_reference_to_ollama_leads_to_the_simulator_that_stands_in() -> None:
    """The seed's default request then works unchanged."""
    told = _launches(ports={**PORTS, "ollama-simulator": 9}, ollama="http://x.test")

    assert told["web"].environment["OLLAMA_HTTP"] == "http://127.0.0.1:9"
    assert told["python-backend"].environment["OLLAMA_HTTP"] == "http://127.0.0.1:9"


def test_the_simulator_is_not_launched_without_a_port() -> None:
    """A stand-in that is not needed is not part of the plan."""
    assert set(PORTS) == set(_launches())


def test_each_child_is_named_for_telemetry() -> None:
    """The instance id is unique per launch; the caller's attributes stay."""
    told = _launches({"OTEL_RESOURCE_ATTRIBUTES": "team=a"})["web"].environment

    assert told["OTEL_SERVICE_NAME"] == "web"
    assert told["OTEL_RESOURCE_ATTRIBUTES"] == "team=a,service.instance.id=web-abc"


def test_no_collector_is_invented() -> None:
    """Without one in the caller's environment nothing exports."""
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in _launches()["web"].environment


def test_a_child_inherits_its_socket() -> None:
    """The descriptor and the port are the bound ones."""
    told = _launches()["dotnet-backend"].environment

    assert (told["PERFCOMPARE_LISTEN_FD"], told["PORT"]) == ("9", "5002")


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "OLLAMA_API_KEY", "SECRET", "services__evil__http__0"]
)
def test_what_is_not_on_the_list_stays_with_the_caller(name: str) -> None:
    """Children get an allow-list, not the caller's secrets."""
    assert name not in _launches({name: "canary"})["web"].environment


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LC_ALL", "DOTNET_ROOT", "OTEL_TRACES_SAMPLER", "PERFCOMPARE_CACHE_DIR"],
)
def test_what_a_service_needs_is_passed_on(name: str) -> None:
    """Tools, locale and both configuration prefixes."""
    assert _launches({name: "x"})["web"].environment[name] == "x"


def test_a_remote_model_server_is_allowed_because_the_operator_named_it() -> None:
    """Loopback needs no permission, so nothing is added for it."""
    remote = _launches({"PERFCOMPARE_ALLOWED_ENDPOINTS": "http://a"}, ollama="http://gpu:11434")

    told = remote["python-backend"].environment
    assert told["PERFCOMPARE_ALLOWED_ENDPOINTS"] == "http://a,http://gpu:11434"
    assert "PERFCOMPARE_ALLOWED_ENDPOINTS" not in _launches()["web"].environment


def test_the_diagram_is_the_product() -> None:
    """Names and ports are the contract's."""
    expected = {
        "ollama": 11434,
        "ollama-simulator": 11434,
        "python-backend": 5001,
        "dotnet-backend": 5002,
        "web": 5000,
    }
    assert expected == {r.name: r.port for r in apphost.application().resources}
