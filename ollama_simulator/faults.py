"""Faults to inject: which, on which requests, how often."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ollama_simulator.errors import InvalidSetting

__all__ = ["KINDS", "Fault", "FaultPlan", "fault_from", "parse_faults"]

KINDS = (
    "status",
    "redirect",
    "not-json",
    "invalid-structured",
    "endless-body",
    "cut-before-headers",
    "cut-mid-body",
    "missing-done",
    "error-line",
    "stall-before-headers",
    "stall-between-lines",
    "slow-header",
    "split-lines",
    "split-utf8",
    "merge-lines",
)

GENERATION_PATHS = ("/api/chat", "/api/generate", "/v1/chat/completions")

_REDIRECTS = (301, 302, 303, 307, 308)
_LONGEST_S = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Raises InvalidSetting when a value makes no sense.

    It strikes requests to `path` (all that generate text when None), skips the first `after` of
    them, then strikes each with `probability`, `count` times at most (None: without end).
    `status`, `text` and `location` are what an error or a redirect says; `lines` is the number of
    lines sent before it strikes in a stream; `seconds` is the length of a stall, of a slow header
    or, in a split line, of the pause between the parts.
    """

    kind: str
    path: str | None = None
    after: int = 0
    count: int | None = None
    probability: float = 1.0
    status: int | None = None
    text: str = "the simulator was told to fail"
    location: str = "http://127.0.0.1:9/"
    lines: int = 1
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidSetting("kind", "is one of " + ", ".join(KINDS))
        if not 0 <= self.probability <= 1:
            raise InvalidSetting("probability", "is between 0 and 1")
        if self.after < 0 or self.lines < 0 or (self.count is not None and self.count < 1):
            raise InvalidSetting("after, lines and count", "are not negative, and count not 0")
        if self.seconds is not None and not 0 <= self.seconds <= _LONGEST_S:
            raise InvalidSetting("seconds", f"is between 0 and {_LONGEST_S:g}")
        if self.status is not None and not 200 <= self.status <= 599:
            raise InvalidSetting("status", "is between 200 and 599")
        if self.kind == "redirect" and self.status not in (None, *_REDIRECTS):
            raise InvalidSetting("status", f"of a redirect is one of {_REDIRECTS}")
        if not self.location.isascii() or not self.location.isprintable():
            raise InvalidSetting("location", "is printable ASCII")


class FaultPlan:
    """Decides, request by request, which fault strikes."""

    def __init__(self, faults: Iterable[Fault] = (), *, rng: random.Random) -> None:
        self._rng = rng
        self._entries: list[_Entry] = []
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Forget all faults and plan these."""
        self._entries = [_Entry(fault) for fault in faults]

    def remaining(self) -> list[Fault]:
        """The faults that can still strike."""
        return [entry.fault for entry in self._entries if not entry.is_spent]

    def take(self, path: str) -> Fault | None:
        """The fault that strikes this request, if any; the first in order wins."""
        for entry in self._entries:
            if entry.strikes(path, self._rng):
                return entry.fault
        return None


class _Entry:
    """One fault and how often it has struck."""

    __slots__ = ("_seen", "_struck", "fault")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0
        self._struck = 0

    @property
    def is_spent(self) -> bool:
        return self.fault.count is not None and self._struck >= self.fault.count

    def strikes(self, path: str, rng: random.Random) -> bool:
        fault = self.fault
        if self.is_spent or not (
            path == fault.path or (fault.path is None and path in GENERATION_PATHS)
        ):
            return False
        self._seen += 1
        if self._seen <= fault.after or rng.random() >= fault.probability:
            return False
        self._struck += 1
        return True


def fault_from(given: Mapping[str, Any]) -> Fault:
    """A fault from JSON. Raises InvalidSetting for unknown names and wrong types."""
    for name, value in given.items():
        kinds = _FIELDS.get(name)
        if kinds is None:
            raise InvalidSetting(name, "is not a property of a fault")
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise InvalidSetting(name, "has the wrong type")
    if "kind" not in given:
        raise InvalidSetting("kind", "is required")
    return Fault(**given)


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Faults from `kind[:name=value[,name=value…]][;…]`. Raises InvalidSetting."""
    return tuple(_parse_fault(part.strip()) for part in text.split(";") if part.strip())


def _parse_fault(text: str) -> Fault:
    kind, _, rest = text.partition(":")
    given: dict[str, Any] = {"kind": kind}
    for pair in rest.split(",") if rest else ():
        name, _, value = pair.partition("=")
        kinds: Sequence[type] = _FIELDS.get(name.strip(), (str,))
        try:
            given[name.strip()] = kinds[0](value)
        except ValueError:
            raise InvalidSetting(name, f"cannot be {value!r}") from None
    return fault_from(given)


_NONE = type(None)
_FIELDS: dict[str, tuple[type, ...]] = {field.name: (str,) for field in fields(Fault)} | {
    "path": (str, _NONE),
    "after": (int,),
    "count": (int, _NONE),
    "probability": (float, int),
    "status": (int, _NONE),
    "lines": (int,),
    "seconds": (float, int, _NONE),
}
