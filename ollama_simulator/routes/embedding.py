"""Routes that turn texts into vectors: `/api/embed` and the old `/api/embeddings`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ollama_simulator.embeddings import unit_vector, vector
from ollama_simulator.errors import ApiError
from ollama_simulator.exchange import Exchange
from ollama_simulator.models import Model, is_valid_name
from ollama_simulator.replies import Measured
from ollama_simulator.requests import (
    Check,
    anything,
    check_integer,
    check_keep_alive,
    keep_alive_ns,
    of_type,
    options_of,
    read_struct,
)
from ollama_simulator.simulator import Simulator
from ollama_simulator.text import split_tokens

_TOO_LONG = "the input length exceeds the context length"


async def embed(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/api/embed`: unit vectors, and what it took."""
    fields = read_struct(await exchange.body(), "EmbedRequest", _EMBED)
    texts = _texts(fields.get("input"))
    model = _find(simulator, fields.get("model") or "", unnamed=(404, "model '' not found"))
    wanted = fields.get("dimensions") or 0
    length = min(wanted, model.embedding_length) if wanted > 0 else model.embedding_length

    async def work() -> None:
        measured = await _evaluate(simulator, exchange, fields, model, texts)
        vectors = [unit_vector(text, length) for text in texts]
        reply = {"model": fields["model"], "embeddings": vectors}
        await exchange.reply_json(reply | measured.fields())

    await exchange.until_gone(work())


async def embeddings(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/api/embeddings`: one vector that is not normalised."""
    fields = read_struct(await exchange.body(), "EmbeddingRequest", _EMBEDDINGS)
    model = _find(simulator, fields.get("model") or "", unnamed=(400, "model is required"))
    text = fields.get("prompt") or ""

    async def work() -> None:
        await _evaluate(simulator, exchange, fields, model, [text])
        numbers = vector(text, model.embedding_length) if text else []
        await exchange.reply_json({"embedding": numbers})

    await exchange.until_gone(work())


def _texts(given: Any) -> list[str]:
    """The texts to embed: one that is not empty, or a list. Raises ApiError."""
    if given is None or isinstance(given, str):
        return [given] if given else []
    if isinstance(given, list) and all(isinstance(text, str) for text in given):
        return given
    raise ApiError(400, "invalid input type")


def _find(simulator: Simulator, name: str, *, unnamed: tuple[int, str]) -> Model:
    if not name:
        raise ApiError(*unnamed)
    if not is_valid_name(name):
        raise ApiError(400, "invalid model name")
    model = simulator.catalogue.find(name)
    if model is None:
        raise ApiError(404, f'model "{name}" not found, try pulling it first')
    return model


async def _evaluate(
    simulator: Simulator,
    exchange: Exchange,
    fields: Mapping[str, Any],
    model: Model,
    texts: Sequence[str],
) -> Measured:
    """Take the time that the texts need, in a slot of the model like any other call."""
    clock, options = simulator.clock, options_of(fields)
    if options.error is not None:
        raise options.error
    keep_alive = keep_alive_ns(fields.get("keep_alive"))
    async with simulator.runners.using(model, options.load, keep_alive) as runner:
        load_ns = clock.now_ns() - exchange.started_ns
        async with runner.slots:
            await simulator.gate.wait()
            slot_ns = clock.now_ns()
            count = _count(
                texts, runner.options.num_ctx, may_cut=fields.get("truncate") is not False
            )
            if texts:
                plan = simulator.latency.plan(simulator.rng, prompt_tokens=count, tokens=1)
                await clock.sleep_until(slot_ns + plan.first_token_ns)
    return Measured(
        total_ns=clock.now_ns() - exchange.started_ns,
        load_ns=load_ns,
        prompt_count=count,
        prompt_ns=0,
        eval_count=0,
        eval_ns=0,
    )


def _count(texts: Sequence[str], num_ctx: int, *, may_cut: bool) -> int:
    """The tokens of all texts, each cut to the context. Raises ApiError when it may not be."""
    lengths = [len(split_tokens(text)) for text in texts]
    if not may_cut and any(length > num_ctx for length in lengths):
        raise ApiError(400, _TOO_LONG)
    return sum(min(length, num_ctx) for length in lengths)


_COMMON: dict[str, Check] = {
    "model": of_type("string", "string"),
    "keep_alive": check_keep_alive,
    "options": of_type("map[string]interface {}", "object"),
}
_EMBED: dict[str, Check] = {
    **_COMMON,
    "input": anything,
    "truncate": of_type("bool", "bool"),
    "dimensions": check_integer,
}
_EMBEDDINGS: dict[str, Check] = {**_COMMON, "prompt": of_type("string", "string")}
