"""Durations and moments as Go writes and reads them."""

import math
import re
import time

__all__ = ["FOREVER_NS", "YEAR_ONE", "parse_duration_ns", "rfc3339"]

FOREVER_NS = 2**63 - 1
"""Go's longest duration (292 years), which stands for "keep it loaded"."""

YEAR_ONE = "0001-01-01T00:00:00Z"
"""Go's zero time."""

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|[^\d.]*)")


def parse_duration_ns(text: str) -> int:
    """The nanoseconds of a Go duration like `1h15m` or `-0.5s`.

    Raises ValueError with Go's own words.
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total_ns, position = 0.0, 0
    while match := _PART.match(rest, position):
        number, unit = match.groups()
        if not unit:
            raise ValueError(f"time: missing unit in duration {_quoted(text)}")
        if unit not in _UNITS_NS:
            raise ValueError(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
        total_ns += float(number) * _UNITS_NS[unit]
        position = match.end()
    if not rest or position != len(rest) or total_ns > FOREVER_NS:
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    return sign * math.floor(total_ns)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rfc3339(wall_ns: int) -> str:
    """A moment in UTC with as many fractional digits as it needs, at most nine."""
    seconds, fraction = divmod(wall_ns, 1_000_000_000)
    whole = _second(seconds)
    if fraction == 0:
        return whole + "Z"
    return f"{whole}.{fraction:09d}".rstrip("0") + "Z"


_last_second = (0, "1970-01-01T00:00:00")


def _second(seconds: int) -> str:
    """The text of one second, remembered because a stream stamps each of its lines."""
    global _last_second
    known, text = _last_second
    if known != seconds:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _last_second = (seconds, text)
    return text
