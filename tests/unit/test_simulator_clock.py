"""Waiting ends at its moment, on asyncio's own loop and on the precise one."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from ollama_simulator.clock import Clock, precise_loop

LOOPS = pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, precise_loop])


@LOOPS
@pytest.mark.parametrize("wait_ns", [0, 50_000, 900_000, 5_000_000])
def test_a_wait_never_ends_early(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], wait_ns: int
) -> None:
    async def wait() -> None:
        clock = Clock()
        for _ in range(5):
            moment_ns = clock.now_ns() + wait_ns
            await clock.sleep_until(moment_ns)
            assert clock.now_ns() >= moment_ns

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(wait())


@LOOPS
def test_a_moment_that_has_passed_is_not_waited_for(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def wait() -> list[str]:
        order: list[str] = []
        asyncio.get_running_loop().call_soon(order.append, "the loop had a turn")
        await Clock().sleep_until(0)
        return list(order)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(wait()) == []


def test_the_precise_loop_serves_its_sockets_while_it_waits() -> None:
    async def talk() -> bytes:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        asyncio.get_running_loop().call_later(0.005, theirs.send, b"hello")
        async with asyncio.timeout(0.9):
            said = await reader.read(5)
        writer.close()
        theirs.close()
        return said

    with asyncio.Runner(loop_factory=precise_loop) as runner:
        assert runner.run(talk()) == b"hello"
