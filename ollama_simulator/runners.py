"""Loaded models: loading one at a time, slots in order of arrival, and expiry when idle.

Expiry is decided when somebody looks, not by a timer, so an idle simulator has nothing to do.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from ollama_simulator.clock import Clock
from ollama_simulator.durations import FOREVER_NS, YEAR_ONE, rfc3339
from ollama_simulator.errors import ApiError
from ollama_simulator.models import Model
from ollama_simulator.options import LoadOptions

__all__ = ["Runner", "Runners"]

_BUSY = "server busy, please try again.  maximum pending requests exceeded"


class Runner:
    """One loaded model."""

    __slots__ = (
        "_expires_ns", "_idle", "_users", "cached", "keep_alive_ns", "model", "options",
        "retiring", "slots",
    )  # fmt: skip

    def __init__(self, model: Model, options: LoadOptions, *, slots: int) -> None:
        self.model = model
        self.options = options
        self.slots = asyncio.Semaphore(slots)
        """Granted in order of arrival; a waiter that is cancelled loses its place."""
        self.cached: Sequence[str] = ()
        """The prompt tokens of the last call: a common beginning is not evaluated again."""
        self.keep_alive_ns = 0
        self.retiring = False
        self._users = 0
        self._expires_ns: int | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_idle(self) -> bool:
        """Whether no request holds or awaits the model."""
        return self._users == 0

    def enter(self, keep_alive_ns: int) -> None:
        """Count a request in; its keep-alive replaces the one before."""
        self._users += 1
        self.keep_alive_ns = keep_alive_ns
        self._idle.clear()

    def leave(self, now_ns: int) -> None:
        """Count a request out; the time to live begins when it was the last."""
        self._users -= 1
        self._expires_ns = now_ns + self.keep_alive_ns
        if self._users == 0:
            self._idle.set()

    async def until_idle(self) -> None:
        """Return when no request uses the model."""
        await self._idle.wait()

    def has_expired(self, now_ns: int) -> bool:
        """Whether the model is idle and its time is over."""
        return self._users == 0 and self._expires_ns is not None and now_ns >= self._expires_ns

    def remaining_ns(self, now_ns: int) -> int | None:
        """Time left to live, or None before the first request has ended."""
        return None if self._expires_ns is None else self._expires_ns - now_ns


class Runners:
    """All loaded models. `load_ns` is asked at each load, because it can change at run time."""

    def __init__(
        self,
        clock: Clock,
        *,
        slots: int,
        queue: int,
        keep_alive_ns: int,
        load_ns: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._slots = slots
        self._queue = queue
        self._keep_alive_ns = keep_alive_ns if keep_alive_ns >= 0 else FOREVER_NS
        self._load_ns = load_ns
        self._loaded: dict[str, Runner] = {}
        self._loading = asyncio.Lock()
        self._pending = 0

    def warm(self, model: Model, options: LoadOptions) -> Runner | None:
        """The loaded runner that fits a request, or None when it needs a load."""
        runner = self._loaded.get(model.name)
        if runner is None or runner.retiring:
            return None
        if runner.has_expired(self._clock.now_ns()):
            del self._loaded[model.name]
            return None
        return runner if _fits(runner, options) else None

    def warm_entry(
        self, model: Model, options: LoadOptions, keep_alive_ns: int | None
    ) -> Runner | None:
        """Hold the loaded runner that fits, or None; `leave` gives it back."""
        runner = self.warm(model, options)
        if runner is not None:
            runner.enter(self._keep_alive_ns if keep_alive_ns is None else keep_alive_ns)
        return runner

    async def enter(self, model: Model, options: LoadOptions, keep_alive_ns: int | None) -> Runner:
        """Hold a runner, loaded if need be; `leave` gives it back.

        Raises ApiError(503) when too many requests wait for loads.
        """
        runner = self.warm_entry(model, options, keep_alive_ns)
        return runner or await self._load(model, options, keep_alive_ns)

    def leave(self, runner: Runner) -> None:
        """Give a runner back."""
        runner.leave(self._clock.now_ns())

    @asynccontextmanager
    async def using(
        self, model: Model, options: LoadOptions, keep_alive_ns: int | None
    ) -> AsyncIterator[Runner]:
        """Hold a runner for a block, as `enter` and `leave` do."""
        runner = await self.enter(model, options, keep_alive_ns)
        try:
            yield runner
        finally:
            self.leave(runner)

    def unload(self, model: Model) -> None:
        """Let a model go as soon as it is idle."""
        runner = self._loaded.get(model.name)
        if runner is None:
            return
        runner.retiring = True
        if runner.is_idle:
            del self._loaded[model.name]

    def loaded(self) -> list[tuple[Runner, str]]:
        """Each loaded runner with the moment it expires, the longest living first."""
        now_ns, wall_ns = self._clock.now_ns(), self._clock.wall_ns()
        alive = [
            (runner, runner.remaining_ns(now_ns))
            for runner in self._loaded.values()
            if not runner.has_expired(now_ns) and not (runner.retiring and runner.is_idle)
        ]
        alive.sort(key=lambda entry: -1 if entry[1] is None else entry[1], reverse=True)
        return [
            (runner, YEAR_ONE if left_ns is None else rfc3339(wall_ns + left_ns))
            for runner, left_ns in alive
        ]

    async def _load(self, model: Model, options: LoadOptions, keep_alive_ns: int | None) -> Runner:
        """Load when it is this request's turn. The runner comes back entered."""
        if self._pending >= self._queue:
            raise ApiError(503, _BUSY)
        self._pending += 1
        try:
            async with self._loading:
                runner = self.warm(model, options) or await self._start(model, options)
                runner.enter(self._keep_alive_ns if keep_alive_ns is None else keep_alive_ns)
                return runner
        finally:
            self._pending -= 1

    async def _start(self, model: Model, options: LoadOptions) -> Runner:
        """Replace whatever is loaded of this model, once its requests have ended."""
        old = self._loaded.get(model.name)
        if old is not None:
            old.retiring = True
            await old.until_idle()
        await self._clock.sleep_until(self._clock.now_ns() + self._load_ns())
        runner = Runner(model, _clamped(options, model), slots=self._slots)
        self._loaded[model.name] = runner
        return runner


def _fits(runner: Runner, options: LoadOptions) -> bool:
    """Whether the runner can serve these options without a load."""
    if runner.options == options:
        return True
    wanted = _clamped(options, runner.model)
    if wanted.num_gpu < 0:  # automatic: whatever is loaded will do
        wanted = wanted._replace(num_gpu=runner.options.num_gpu)
    if wanted.use_mmap is None:
        wanted = wanted._replace(use_mmap=runner.options.use_mmap)
    return runner.options == wanted


def _clamped(options: LoadOptions, model: Model) -> LoadOptions:
    """A context beyond the trained length is cut to it."""
    return options._replace(num_ctx=min(options.num_ctx, model.context_length))
