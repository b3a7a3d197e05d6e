"""Serving on an inherited socket, and ending with the parent."""

import signal
import socket
import statistics
import sys
from pathlib import Path
from time import perf_counter

import anyio
import httpx
import pytest

from tests.support.servers import running_process
from tests.support.waiting import eventually, is_gone

REQUESTS = 300


async def keep_alive_times_s(base_url: str) -> list[float]:
    times = []
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
        for _ in range(20):
            await client.get("/thing")
        for _ in range(REQUESTS):
            started = perf_counter()
            reply = await client.get("/thing")
            times.append(perf_counter() - started)
            assert 200 == reply.status_code
    return times


def free_port() -> int:
    """A port for a server that must bind it by number itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def answering(base_url: str) -> None:
    """Return when the server at `base_url` answers."""
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
        with anyio.fail_after(30):
            while True:
                try:
                    await client.get("/alive")
                except httpx.TransportError:
                    await anyio.sleep(0.05)
                else:
                    return


async def test_an_inherited_socket_is_as_quick_as_a_port_of_ones_own() -> None:
    """Nagle's algorithm on the socket would cost 40 ms a request, a ratio of about 50."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        inherited_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            running_process("-m", "tests.support.programs", listener=listener),
            running_process("-m", "tests.support.programs", environment={"PORT": str(port)}),
        ):
            await answering(f"http://127.0.0.1:{port}")
            own = statistics.median(await keep_alive_times_s(f"http://127.0.0.1:{port}"))
            inherited = statistics.median(await keep_alive_times_s(inherited_url))

    assert 5 > inherited / own


async def test_a_request_that_comes_before_the_service_waits_for_it() -> None:
    """The launcher binds, so that no connection is refused while the service starts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(timeout=30) as client, anyio.create_task_group() as group:
            replies: list[int] = []

            async def ask() -> None:
                replies.append((await client.get(f"{url}/alive")).status_code)

            group.start_soon(ask)
            await anyio.sleep(0.05)
            async with running_process("-m", "tests.support.programs", listener=listener):
                await eventually(lambda: replies)

    assert [200] == replies


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_service_with_status_0(number: signal.Signals) -> None:
    """A stop on request is no failure, whoever asks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with running_process("-m", "tests.support.programs", listener=listener) as process:
            await answering(url)
            process.send_signal(number)

            assert 0 == await process.wait()


@pytest.mark.parametrize(
    "environment",
    [
        {"PERFCOMPARE_PROT": "1"},
        {"PERFCOMPARE_BIND": "0.0.0.0"},
        {"PERFCOMPARE_ALLOWED_ENDPOINTS": "gpu.lan:11434"},
    ],
)
async def test_a_wrong_configuration_ends_with_78(environment: dict[str, str]) -> None:
    """A supervisor learns that a restart would fail the same way."""
    async with running_process("-m", "backend_python", environment=environment) as process:
        assert 78 == await process.wait()


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), flush=True)
sys.stdin.read()
"""
CHILD = """
import os, time
from service_defaults.parent import die_with_parent
die_with_parent()
print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
async def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """Not even kill -9 of a launcher leaves a service behind."""
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    async with running_process(str(program), CHILD, capture=True) as parent:
        assert parent.stdout is not None
        child_pid = int(await parent.stdout.receive())
        parent.kill()
        await parent.wait()

        await eventually(lambda: is_gone(child_pid))
