"""Numbers as people read them; a figure that is not known is said to be so, never 0."""

UNKNOWN = "–"
TOO_SMALL = "n too small"
MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Return a number with about three significant digits."""
    size = abs(value)
    digits = 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{digits}f}"


def milliseconds(value: float | None) -> str:
    """Return a duration in ms, or a dash."""
    return UNKNOWN if value is None else f"{number(value)} ms"


def signed(value: float) -> str:
    """Return a difference with its sign, by a true minus."""
    return ("+" if value > 0 else MINUS if value < 0 else "") + number(abs(value))


def per_second(value: float | None) -> str:
    """Return a rate."""
    return UNKNOWN if value is None else f"{number(value)} /s"


def megabytes(value: float | None) -> str:
    """Return an amount of memory."""
    return UNKNOWN if value is None else f"{value:,.0f} MB"


def span(value_ms: int | float | None) -> str:
    """Return a longer duration in the unit that suits it."""
    if value_ms is None:
        return UNKNOWN
    seconds = value_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def round_trip(value_ms: float) -> str:
    """Return a health call's round trip."""
    return "<1 ms" if value_ms < 1 else f"{value_ms:,.0f} ms"


def percent(share: float) -> str:
    """Return a share of 1 in percent."""
    return f"{share * 100:.1f} %"
