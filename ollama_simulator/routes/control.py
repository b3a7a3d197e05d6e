"""Routes for tests: faults, latency and pauses at run time, and what was asked.

They exist only when the simulator is started with `--control`.
"""

from dataclasses import asdict, replace
from typing import Any

import orjson

from ollama_simulator.errors import ApiError, InvalidSetting
from ollama_simulator.exchange import Exchange
from ollama_simulator.faults import fault_from
from ollama_simulator.latency import LatencyModel
from ollama_simulator.simulator import Simulator

_LONGEST_PAUSE_S = 3_600.0


async def list_faults(simulator: Simulator, exchange: Exchange) -> None:
    """GET faults: those that can still strike."""
    await _reply_faults(simulator, exchange)


async def plan_faults(simulator: Simulator, exchange: Exchange) -> None:
    """POST faults: one fault, or a list, in place of those planned before."""
    given = await _read(exchange)
    try:
        faults = [fault_from(_object(item)) for item in _items(given)]
    except InvalidSetting as error:
        raise ApiError(400, str(error)) from None
    simulator.faults.replace(faults)
    await _reply_faults(simulator, exchange)


async def forget_faults(simulator: Simulator, exchange: Exchange) -> None:
    """DELETE faults."""
    simulator.faults.replace(())
    await _reply_faults(simulator, exchange)


async def list_requests(simulator: Simulator, exchange: Exchange) -> None:
    """GET requests: the last requests for text with figures of each, the oldest first."""
    await exchange.reply_json({"requests": [item.described() for item in simulator.recorded]})


async def forget_requests(simulator: Simulator, exchange: Exchange) -> None:
    """DELETE requests."""
    simulator.recorded.clear()
    await exchange.reply_json({"requests": []})


async def pause(simulator: Simulator, exchange: Exchange) -> None:
    """POST pause: hold replies back for `seconds`."""
    seconds = _object(await _read(exchange)).get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ApiError(400, "seconds is a number")
    if not 0 <= seconds <= _LONGEST_PAUSE_S:
        raise ApiError(400, f"seconds is between 0 and {_LONGEST_PAUSE_S:g}")
    simulator.gate.close_for(seconds)
    await exchange.reply_json({"seconds": seconds})


async def show_latency(simulator: Simulator, exchange: Exchange) -> None:
    """GET latency."""
    await exchange.reply_json(asdict(simulator.latency))


async def change_latency(simulator: Simulator, exchange: Exchange) -> None:
    """POST latency: the named times change, the others stay."""
    given = _object(await _read(exchange))
    unknown = [name for name in given if name not in LatencyModel.__slots__]
    if unknown:
        raise ApiError(400, f"{unknown[0]} is not a property of the latency")
    try:
        simulator.latency = replace(simulator.latency, **given)
    except InvalidSetting as error:
        raise ApiError(400, str(error)) from None
    await show_latency(simulator, exchange)


async def _reply_faults(simulator: Simulator, exchange: Exchange) -> None:
    faults = [asdict(fault) for fault in simulator.faults.remaining()]
    await exchange.reply_json({"faults": faults})


async def _read(exchange: Exchange) -> Any:
    try:
        return orjson.loads(await exchange.body())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, str(error)) from None


def _items(given: Any) -> list[Any]:
    """A list of faults: bare, under `faults`, or a single one."""
    if isinstance(given, dict) and isinstance(given.get("faults"), list):
        given = given["faults"]
    return given if isinstance(given, list) else [given]


def _object(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ApiError(400, "an object is expected")
    return given
