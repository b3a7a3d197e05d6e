"""The comparisons that this process knows: at most one runs, the last fifty are remembered."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import anyio
from anyio.abc import TaskGroup

from comparison import BackendClient, ComparisonRun, check_supported, sides_of
from service_defaults.errors import ProblemError
from shared_models import ComparisonRequest

REMEMBERED = 50


class Comparisons:
    """Starts, finds, stops and forgets comparisons; in memory."""

    def __init__(
        self,
        backends: Sequence[BackendClient],
        *,
        on_start: Callable[[ComparisonRun], None] = lambda _run: None,
    ) -> None:
        """`on_start` is called with every comparison as it is accepted."""
        self._backends = backends
        self._on_start = on_start
        self._known: OrderedDict[str, ComparisonRun] = OrderedDict()
        self._group: TaskGroup | None = None

    @property
    def newest_first(self) -> list[ComparisonRun]:
        """Every comparison that is remembered."""
        return list(reversed(self._known.values()))

    @property
    def active(self) -> ComparisonRun | None:
        """The one that goes on."""
        return next((run for run in self.newest_first if not run.finished.is_set()), None)

    async def serve(self) -> None:
        """Own what runs until cancelled; every comparison then ends its sessions."""
        async with anyio.create_task_group() as self._group:
            await anyio.sleep_forever()

    async def check(self, request: ComparisonRequest) -> None:
        """Ask the backends whether their agents can do what is asked for, before a start.

        Raises ProblemError: 409 while a comparison goes on, 422 with the field.
        """
        self._check_free()
        await check_supported(sides_of(request, self._backends))

    def start(self, request: ComparisonRequest) -> ComparisonRun:
        """Start a comparison and return it at once.

        Raises ProblemError: 409 while another one goes on, 422 for what cannot be compared, 503
        while the service starts or ends.
        """
        self._check_free()
        if self._group is None:
            raise ProblemError(503, "The service is not ready")
        run = ComparisonRun(request, self._backends)
        self._known[run.id] = run
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)  # the oldest, and only the newest can be running
        self._group.start_soon(run.run)
        self._on_start(run)
        return run

    def _check_free(self) -> None:
        if (active := self.active) is not None:
            raise ProblemError(409, "A comparison is active", detail=f"comparison {active.id}")

    def find(self, identity: str) -> ComparisonRun:
        """Return a comparison; raises a 404 ProblemError."""
        if identity not in self._known:
            raise ProblemError(404, "There is no such comparison")
        return self._known[identity]

    def forget(self, identity: str) -> None:
        """Drop a comparison that has ended; raises a 404 or 409 ProblemError."""
        if not self.find(identity).finished.is_set():
            raise ProblemError(409, "The comparison goes on", detail="stop it first")
        del self._known[identity]
