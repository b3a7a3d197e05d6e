"""The state of a backend as one health call shows it, with the call's round trip."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

from shared_models import BackendState

from .backends import BackendClient
from .errors import BackendError, BackendUnreachable


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


async def probe_backend(
    backend: BackendClient, *, url: str | None, now: Callable[[], datetime] = utc_now
) -> BackendState:
    """Ask one backend how it is; never raises for a backend that is not well."""
    started = perf_counter()
    try:
        report = await backend.health()
    except BackendUnreachable as error:
        return _not_well(backend.name, url, "unreachable", error, now())
    except BackendError as error:
        return _not_well(backend.name, url, "unhealthy", error, now())
    return BackendState(
        name=backend.name,
        url=url,
        state=report.status,
        reason=report.reason,
        latency_ms=(perf_counter() - started) * 1000,
        simulated=report.simulated,
        checked_at=now(),
    )


def _not_well(
    name: str, url: str | None, state: str, error: BackendError, checked_at: datetime
) -> BackendState:
    return BackendState.model_validate(
        {"name": name, "url": url, "state": state, "reason": str(error), "checked_at": checked_at}
    )
