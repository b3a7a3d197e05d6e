"""From diagram to launches: order, addresses and each child's environment. Pure."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from urllib.parse import urlsplit

from .errors import DependencyCycle, UnknownResource
from .model import Resource

LOOPBACK = "127.0.0.1"
CHILD = "orchestrator.child"
"""The module that ties a child to the launcher before it becomes the service."""
PASSED_NAMES = frozenset(
    {
        "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "PYTHONPATH", "PYTHONTRACEMALLOC",
        "REQUESTS_CA_BUNDLE", "SHELL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER",
        "VIRTUAL_ENV", "CURL_CA_BUNDLE", "CI",
    }
)  # fmt: skip
PASSED_PREFIXES = ("DOTNET_", "LC_", "NUGET_", "OTEL_", "PERFCOMPARE_", "SSL_", "XDG_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One child to start; its listening socket exists already."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    url: str
    health_path: str
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A server that somebody else runs; `unavailable` says why it does not answer."""

    name: str
    url: str
    detail: str | None = None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that the supervisor needs, dependencies first."""

    launches: tuple[Launch, ...]
    externals: tuple[External, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the children are told beside their addresses."""

    caller: Mapping[str, str]
    """The environment of the caller, from which an allow-list is passed on."""
    data_dir: Path
    launcher: int
    """The pid that the children must not outlive."""
    instance: str
    """Names this launch; with the resource's name it is the OpenTelemetry instance id."""


def in_order(resources: Iterable[Resource]) -> list[Resource]:
    """Return the resources, dependencies first.

    Raises UnknownResource or DependencyCycle.
    """
    known = {resource.name: resource for resource in resources}
    graph = {name: (*resource.references, *resource.waits_for) for name, resource in known.items()}
    for name, needed in graph.items():
        for other in needed:
            if other not in known:
                raise UnknownResource(name, other)
    try:
        return [known[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise DependencyCycle(list(error.args[1])) from error


def plan(
    resources: Iterable[Resource],
    *,
    ports: Mapping[str, int],
    descriptors: Mapping[str, int],
    externals: tuple[External, ...],
    surroundings: Surroundings,
) -> Plan:
    """Return the launches of every resource that has a port, in order.

    `ports` and `descriptors` describe the sockets that are listening already. A reference to an
    external resource resolves to its stand-in when that one is launched.
    """
    ordered = in_order(resources)
    urls = {external.name: external.url for external in externals}
    urls.update((name, f"http://{LOOPBACK}:{port}") for name, port in ports.items())
    for resource in ordered:
        if resource.stands_in_for is not None and resource.name in ports:
            urls[resource.stands_in_for] = urls[resource.name]
    launches = tuple(
        Launch(
            name=resource.name,
            # -P: a directory named like one of our packages must not be picked up by accident.
            command=(
                *(sys.executable, "-P", "-m", CHILD),
                *(str(surroundings.launcher), resource.module),
            ),
            environment=environment(
                resource,
                urls=urls,
                descriptor=descriptors[resource.name],
                port=ports[resource.name],
                surroundings=surroundings,
            ),
            url=urls[resource.name],
            health_path=resource.health_path,
            waits_for=tuple(name for name in resource.waits_for if name in ports),
        )
        for resource in ordered
        if resource.module is not None and resource.name in ports
    )
    return Plan(launches=launches, externals=externals)


def environment(
    resource: Resource,
    *,
    urls: Mapping[str, str],
    descriptor: int,
    port: int,
    surroundings: Surroundings,
) -> dict[str, str]:
    """Return the whole environment of a child: the allow-list, then the contract."""
    passed = passed_on(surroundings.caller)
    attributes = f"service.instance.id={resource.name}-{surroundings.instance}"
    given = passed.get("OTEL_RESOURCE_ATTRIBUTES")
    passed.update(
        {
            "OTEL_RESOURCE_ATTRIBUTES": f"{given},{attributes}" if given else attributes,
            "OTEL_SERVICE_NAME": resource.name,
            "PERFCOMPARE_DATA_DIR": str(surroundings.data_dir),
            "PERFCOMPARE_LISTEN_FD": str(descriptor),
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        }
    )
    for name in resource.references:
        if name in urls:
            passed.update(reference(name, urls[name]))
            passed.update(_permission(urls[name], passed))
    return passed


def passed_on(caller: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the caller's environment that children may see."""
    return {
        name: value
        for name, value in caller.items()
        if name in PASSED_NAMES or name.startswith(PASSED_PREFIXES)
    }


def reference(name: str, url: str) -> dict[str, str]:
    """Return the two variables by which a child finds another resource."""
    simple = name.upper().replace("-", "_")
    return {f"services__{name}__http__0": url, f"{simple}_HTTP": url}


def _permission(url: str, passed: Mapping[str, str]) -> dict[str, str]:
    # The operator named this server, so runs may use it; loopback is allowed anyway.
    if urlsplit(url).hostname in {LOOPBACK, "localhost", "::1"}:
        return {}
    listed = passed.get("PERFCOMPARE_ALLOWED_ENDPOINTS")
    return {"PERFCOMPARE_ALLOWED_ENDPOINTS": f"{listed},{url}" if listed else url}
