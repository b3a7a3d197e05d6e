"""The models that the simulator claims to have, and how Ollama reads a model's name."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ollama_simulator.durations import rfc3339

__all__ = ["Catalogue", "Model", "is_valid_name"]

_NAME = re.compile(
    r"(?:(?P<host>[\w.:-]+)/)??(?:(?P<namespace>[\w.-]+)/)?"
    r"(?P<model>\w[\w.-]{0,79})(?::(?P<tag>\w[\w.-]{0,79}))?",
    re.ASCII,
)
_DEFAULT_HOST = "registry.ollama.ai"
_DEFAULT_NAMESPACE = "library"
_NS_PER_DAY = 86_400_000_000_000
_NEWEST_NS = 1_767_225_600_000_000_000
"""The first model was pulled on 2026-01-01, each further one a day earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model: what `/api/tags` and `/api/show` say about it. `name` carries its tag."""

    name: str
    family: str
    parameter_size: str
    quantization: str
    size_bytes: int
    context_length: int
    embedding_length: int
    capabilities: tuple[str, ...]
    modified_ns: int

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that differ between models."""
        return hashlib.sha256(b"perfcompare " + self.name.encode()).hexdigest()

    @property
    def modified_at(self) -> str:
        """When the model was "pulled"."""
        return rfc3339(self.modified_ns)


@dataclass(frozen=True, slots=True)
class _Build:
    """What is known of a model family."""

    family: str
    parameter_size: str
    size_bytes: int
    context_length: int
    embedding_length: int
    capabilities: tuple[str, ...]


_BUILDS = {
    "ministral-3": _Build(
        "mistral3", "8.9B", 6_022_236_800, 262_144, 4_096, ("completion", "vision", "tools")
    ),
    "llama2": _Build("llama", "7B", 3_826_793_677, 4_096, 4_096, ("completion",)),
    "mistral": _Build("llama", "7.2B", 4_372_824_384, 32_768, 4_096, ("completion", "tools")),
    "qwen3": _Build(
        "qwen3", "8.2B", 5_225_388_164, 40_960, 4_096, ("completion", "tools", "thinking")
    ),
}
_UNKNOWN_BUILD = _Build("simulated", "1.0B", 1_000_000_000, 32_768, 2_048, ("completion", "tools"))


def is_valid_name(name: str) -> bool:
    """Whether Ollama would take `name` for a model's name."""
    return _NAME.fullmatch(name) is not None


def full_name(name: str) -> str:
    """The name with its tag, lower-cased and without the parts that are defaults."""
    match = _NAME.fullmatch(name.lower())
    if match is None:
        return name
    host, namespace, model, tag = match.group("host", "namespace", "model", "tag")
    prefix = "" if namespace in (None, _DEFAULT_NAMESPACE) else f"{namespace}/"
    if host not in (None, _DEFAULT_HOST):
        prefix = f"{host}/{namespace or _DEFAULT_NAMESPACE}/"
    return f"{prefix}{model}:{tag or 'latest'}"


class Catalogue:
    """The models served, newest first."""

    __slots__ = ("_by_name", "_found")

    def __init__(self, names: Iterable[str]) -> None:
        unique = dict.fromkeys(map(full_name, names))
        self._by_name = {
            name: _describe(name, _NEWEST_NS - index * _NS_PER_DAY)
            for index, name in enumerate(unique)
        }
        self._found: dict[str, Model] = {}

    def all(self) -> list[Model]:
        """Every model, newest first."""
        return list(self._by_name.values())

    def find(self, name: str) -> Model | None:
        """The model that a request means by `name`, or None."""
        known = self._found.get(name)
        if known is not None:
            return known
        model = self._by_name.get(full_name(name))
        if model is not None and len(self._found) < _REMEMBERED_NAMES:
            self._found[name] = model
        return model

    def in_library(self, name: str) -> Model | None:
        """The model that a pull of `name` brings: one that is served, or of a known build."""
        found = self.find(name)
        full = full_name(name)
        if found is None and full.partition(":")[0] in _BUILDS:
            return _describe(full, _NEWEST_NS + len(self._by_name) * _NS_PER_DAY)
        return found

    def add(self, model: Model) -> None:
        """Serve one more model; it is the newest, unless it is there already."""
        if model.name not in self._by_name:
            self._by_name = {model.name: model, **self._by_name}


_REMEMBERED_NAMES = 64
"""Spellings of names kept, so that a call costs one look-up and a hostile client no memory."""


def _describe(name: str, modified_ns: int) -> Model:
    build = _BUILDS.get(name.split("/")[-1].split(":")[0], _UNKNOWN_BUILD)
    return Model(
        name=name,
        family=build.family,
        parameter_size=build.parameter_size,
        quantization="Q4_K_M" if build.family != "llama" else "Q4_0",
        size_bytes=build.size_bytes,
        context_length=build.context_length,
        embedding_length=build.embedding_length,
        capabilities=build.capabilities,
        modified_ns=modified_ns,
    )
