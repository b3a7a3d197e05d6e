"""`python -m ollama_simulator` as other processes start it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "ollama_simulator", *flags]


@contextmanager
def inherited_socket(*flags: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A simulator on a socket that this process opened. A request waits until it is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        child = subprocess.Popen(
            command(*flags),
            cwd=ROOT,
            env=child_environment(PERFCOMPARE_LISTEN_FD=str(number)),
            pass_fds=(number,),
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", child
        finally:
            child.kill()
            child.wait()


def child_environment(**more: str) -> dict[str, str]:
    inherited = os.environ  # noqa: TID251 - a child needs PATH and the like
    return {
        name: value for name, value in inherited.items() if not name.startswith("PERFCOMPARE_")
    } | more


def test_it_serves_on_an_inherited_socket_and_stops_on_request() -> None:
    with inherited_socket("--latency-ms", "0", "--load-ms", "0") as (url, child):
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            assert client.get("/api/version").json() == {"version": "0.33.0-sim"}
            reply = client.post(
                "/api/chat", json={"model": "llama2", "messages": [{"content": "a"}]}
            )
            assert reply.text.endswith("\n")
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) in (0, -signal.SIGTERM)


def test_the_controls_are_off_unless_asked_for() -> None:
    with (
        inherited_socket() as (url, _),
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        for path in ("faults", "requests", "latency"):
            assert client.get(f"/__simulator/{path}").status_code == 404


def test_replies_come_in_one_segment() -> None:
    """A client is woken once for a small reply."""
    with inherited_socket("--latency-ms", "0", "--load-ms", "0") as (url, _):
        host, port = url.removeprefix("http://").split(":")
        body = b'{"model":"llama2","stream":false,"messages":[{"content":"a"}]}'
        head = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        with socket.create_connection((host, int(port))) as connection:
            for _ in range(5):
                connection.sendall(head % len(body) + body)
                assert connection.recv(65_536).endswith(b"}")


@pytest.mark.parametrize(
    ("flags", "variables", "text"),
    [
        (("--host", "0.0.0.0"), {}, "host is a loopback address"),
        ((), {"PERFCOMPARE_SIMULATOR_SLOT": "1"}, "PERFCOMPARE_SIMULATOR_SLOT"),
        (("--fault", "nonsense"), {}, "kind is one of"),
    ],
)
def test_a_senseless_setting_ends_it_with_the_code_for_configuration(
    flags: tuple[str, ...], variables: dict[str, str], text: str
) -> None:
    with subprocess.Popen(
        command(*flags), cwd=ROOT, env=child_environment(**variables), stderr=subprocess.PIPE
    ) as child:
        _, said = child.communicate(timeout=30)
    assert child.returncode == 78
    assert text in said.decode()


def test_a_port_in_use_ends_it_with_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with subprocess.Popen(
            command("--port", port), cwd=ROOT, env=child_environment(), stderr=subprocess.PIPE
        ) as child:
            _, said = child.communicate(timeout=30)
    assert child.returncode == 1
    assert port in said.decode()


def test_it_imports_no_heavy_library() -> None:
    """Idle memory is budgeted."""
    probe = (
        "import sys, ollama_simulator.__main__; "
        "print([m for m in ('fastapi', 'pydantic', 'nicegui', 'starlette', 'httpx', 'h11', "
        "'websockets', 'opentelemetry') if m in sys.modules])"
    )
    with subprocess.Popen([sys.executable, "-c", probe], cwd=ROOT, stdout=subprocess.PIPE) as child:
        said, _ = child.communicate(timeout=30)
    assert said.strip() == b"[]"
