"""`/api/pull`: the models that the simulator knows can be pulled, and are served from then on."""

from collections.abc import Iterator
from typing import Any

import orjson

from ollama_simulator.errors import ApiError
from ollama_simulator.exchange import NDJSON, Exchange
from ollama_simulator.models import Model, is_valid_name
from ollama_simulator.requests import Check, of_type, read_struct
from ollama_simulator.simulator import Simulator

_MISSING = "pull model manifest: file does not exist"
_TICKS = 4
"""Lines of progress that a layer has after its first."""


async def pull(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/api/pull`: lines of progress over the time of a load, or only the last one."""
    fields = read_struct(await exchange.body(), "PullRequest", _PULL)
    name = fields.get("model") or fields.get("name") or ""
    if not is_valid_name(name):
        raise ApiError(400, "invalid model name")
    work = _whole if fields.get("stream") is False else _stream
    await exchange.until_gone(work(simulator, exchange, name))


async def _stream(simulator: Simulator, exchange: Exchange, name: str) -> None:
    """Send each line when it is due; an error comes as a line, since the status has been sent."""
    await exchange.open_stream(NDJSON)
    await exchange.write_line(_line({"status": "pulling manifest"}))
    model = simulator.catalogue.in_library(name)
    if model is None:
        await exchange.close_stream(_line({"error": _MISSING}))
        return
    lines = list(_progress(model))
    start_ns = simulator.clock.now_ns()
    for index, line in enumerate(lines):
        due_ns = start_ns + simulator.latency.load_ns * index // len(lines)
        await simulator.clock.sleep_until(due_ns)
        await exchange.write_line(_line(line))
    await simulator.clock.sleep_until(start_ns + simulator.latency.load_ns)
    simulator.catalogue.add(model)
    await exchange.close_stream(_line({"status": "success"}))


async def _whole(simulator: Simulator, exchange: Exchange, name: str) -> None:
    model = simulator.catalogue.in_library(name)
    if model is None:
        raise ApiError(500, _MISSING)
    await simulator.clock.sleep_until(simulator.clock.now_ns() + simulator.latency.load_ns)
    simulator.catalogue.add(model)
    await exchange.reply_json({"status": "success"})


def _progress(model: Model) -> Iterator[dict[str, Any]]:
    """The lines between the manifest and success. What is zero is absent, as in Go."""
    layer = {
        "status": f"pulling {model.digest[:12]}",
        "digest": f"sha256:{model.digest}",
        "total": model.size_bytes,
    }
    yield layer
    for tick in range(1, _TICKS + 1):
        yield layer | {"completed": model.size_bytes * tick // _TICKS}
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


_STRING = of_type("string", "string")
_PULL: dict[str, Check] = {
    "model": _STRING,
    "name": _STRING,
    "stream": of_type("bool", "bool"),
    "insecure": of_type("bool", "bool"),
}
