"""The state of one simulated server, shared by its routes."""

import random
from collections import deque

from ollama_simulator.clock import Clock
from ollama_simulator.durations import parse_duration_ns
from ollama_simulator.exchange import Exchange
from ollama_simulator.faults import FaultPlan
from ollama_simulator.models import Catalogue, Model
from ollama_simulator.options import LoadOptions
from ollama_simulator.recorded import Recorded
from ollama_simulator.runners import Runners
from ollama_simulator.settings import SimulatorSettings

__all__ = ["Gate", "Simulator"]

_MOST_RECORDED = 1_000


class Gate:
    """Holds every reply back while the server is paused."""

    __slots__ = ("_clock", "_until_ns")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ns = 0

    @property
    def is_closed(self) -> bool:
        """Whether a pause is under way."""
        return self._clock.now_ns() < self._until_ns

    def close_for(self, seconds: float) -> None:
        """Begin a pause, in place of one under way; 0 ends it once its time is over."""
        self._until_ns = self._clock.now_ns() + round(seconds * 1e9)

    async def wait(self) -> None:
        """Return when no pause is under way."""
        if self._until_ns:
            await self._clock.sleep_until(self._until_ns)


class Simulator:
    """Everything a route needs. `latency` may be replaced at run time."""

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.rng = random.Random(settings.seed)  # noqa: S311 - it must repeat, not be secret
        self.latency = settings.latency
        self.catalogue = Catalogue(settings.models)
        self.faults = FaultPlan(settings.faults, rng=random.Random(settings.seed))  # noqa: S311 - as above
        self.gate = Gate(clock)
        self.recorded: deque[Recorded] = deque(maxlen=_MOST_RECORDED)
        self.runners = Runners(
            clock,
            slots=settings.slots,
            queue=settings.queue,
            keep_alive_ns=parse_duration_ns(settings.keep_alive),
            load_ns=lambda: self.latency.load_ns,
        )

    def answers_at_once(self, model: Model, options: LoadOptions) -> bool:
        """Whether a call would wait for nothing, so that nobody need watch its connection."""
        if not self.latency.is_instant or self.gate.is_closed:
            return False
        runner = self.runners.warm(model, options)
        return runner is not None and not runner.slots.locked()

    async def record(self, exchange: Exchange) -> None:
        """Keep a request for those who ask what an agent sent."""
        body = await exchange.body()
        exchange.record = Recorded(exchange.method, exchange.path, exchange.headers, body)
        self.recorded.append(exchange.record)
