"""What most tests of the simulator ask: an instant one, and a client of it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.simulator import RunningSimulator, client_of, running_simulator


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with running_simulator() as running:
        yield running


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(simulator) as made:
        yield made
