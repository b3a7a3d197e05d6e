"""One call of the simulated model: its load, its place in the queue, its tokens, its times."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson

from ollama_simulator.answers import Answer, Piece, compose
from ollama_simulator.context import fitted
from ollama_simulator.errors import ApiError
from ollama_simulator.latency import Plan
from ollama_simulator.models import Model
from ollama_simulator.replies import Measured
from ollama_simulator.requests import TextRequest
from ollama_simulator.text import count_tokens, split_tokens

if TYPE_CHECKING:
    from ollama_simulator.runners import Runner
    from ollama_simulator.simulator import Simulator

__all__ = ["Emit", "generate"]

Emit = Callable[[Piece], Awaitable[None]]
"""Sends one piece of a stream."""


async def generate(
    simulator: "Simulator",
    request: TextRequest,
    model: Model,
    *,
    started_ns: int,
    emit: Emit | None,
) -> tuple[Answer, Measured]:
    """Produce the reply to a request, at the times that the latency model wants.

    `emit` is awaited for each piece when the reply is streamed. Raises ApiError when the queue
    for loads is full, the prompt too long or a schema not understood.
    """
    clock, runners, load = simulator.clock, simulator.runners, request.options.load
    runner = runners.warm_entry(model, load, request.keep_alive_ns)
    # A call that waits for nothing is due as of its arrival: its total is what was asked for.
    is_prompt = runner is not None and not runner.slots.locked()
    if runner is None:
        runner = await runners.enter(model, load, request.keep_alive_ns)
    try:
        load_ns = clock.now_ns() - started_ns
        async with runner.slots:
            await simulator.gate.wait()
            slot_ns = clock.now_ns()
            request = fitted(request, runner.options.num_ctx)
            reply = _answer(simulator, request, model)
            prompt_count, uncached = _evaluate_prompt(simulator, request, runner)
            plan = simulator.latency.plan(
                simulator.rng, prompt_tokens=uncached, tokens=reply.evaluated
            )
            origin_ns = started_ns if is_prompt else slot_ns
            first_ns, last_ns = await _speak(simulator, reply, plan, origin_ns, emit)
    finally:
        runners.leave(runner)
    return reply, Measured(
        total_ns=last_ns - started_ns,
        load_ns=load_ns,
        prompt_count=prompt_count,
        prompt_ns=first_ns - slot_ns,
        eval_count=reply.evaluated,
        eval_ns=last_ns - first_ns if reply.evaluated > 1 else 0,
    )


async def _speak(
    simulator: "Simulator", reply: Answer, plan: Plan, origin_ns: int, emit: Emit | None
) -> tuple[int, int]:
    """Say each piece when it is due; returns when the first and the last one were ready.

    Nobody sees the first token of a reply in one piece: it is ready when it is due, and the loop
    need not wake for it.
    """
    clock = simulator.clock
    first_due_ns = origin_ns + plan.first_token_ns
    if emit is None:
        first_ns = max(first_due_ns, clock.now_ns())
    else:
        await clock.sleep_until(first_due_ns)
        first_ns = clock.now_ns()
        for index, piece in reply.pieces():
            if index and not plan.is_instant:
                await clock.sleep_until(origin_ns + plan.due_ns(index))
            await simulator.gate.wait()
            await emit(piece)
    await clock.sleep_until(origin_ns + plan.due_ns(reply.evaluated - 1))
    return first_ns, clock.now_ns()


def check(request: TextRequest, model: Model, *, verb: str) -> None:
    """Raise ApiError when the model cannot do what the request asks for."""
    if "completion" not in model.capabilities:
        raise ApiError(400, f'"{request.model}" does not support {verb}')
    if request.tools and "tools" not in model.capabilities:
        raise ApiError(400, f"registry.ollama.ai/library/{model.name} does not support tools")
    if request.think and "thinking" not in model.capabilities:
        raise ApiError(400, f'"{request.model}" does not support thinking')
    if request.options.error is not None:
        raise request.options.error
    if not (request.format is None or request.format == "json" or isinstance(request.format, dict)):
        given = orjson.dumps(orjson.dumps(request.format).decode()).decode()
        rule = 'expected "json" or a valid JSON Schema object'
        raise ApiError(400, f"invalid format: {given}; {rule}")


def _answer(simulator: "Simulator", request: TextRequest, model: Model) -> Answer:
    """The reply; the same one for the same prompt when greedy, or with the same seed."""
    options = request.options
    if options.temperature == 0:
        chance = ""
    elif options.seed >= 0:
        chance = f"{options.seed} {options.temperature}"
    else:
        chance = str(simulator.rng.random())
    key = f"{model.name}\n{chance}\n{request.prompt}".encode("utf-8", "replace")
    return compose(
        request,
        key,
        think="thinking" in model.capabilities if request.think is None else request.think,
        length=simulator.settings.reply_tokens,
        tool_calls=simulator.settings.tool_calls,
    )


def _evaluate_prompt(
    simulator: "Simulator", request: TextRequest, runner: "Runner"
) -> tuple[int, int]:
    """The number of prompt tokens, and of those that the last call did not leave in the cache."""
    if not simulator.latency.prompt_token_ms:
        return count_tokens(request.prompt), 0
    tokens = split_tokens(request.prompt)
    cached = 0
    for token, known in zip(tokens, runner.cached, strict=False):
        if token != known:
            break
        cached += 1
    runner.cached = tokens
    # The last token is always evaluated: the first of the reply follows from it.
    return len(tokens), max(len(tokens) - cached, 1)
