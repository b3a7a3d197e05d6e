"""Routes that say what is there."""

from ollama_simulator import replies
from ollama_simulator.errors import ApiError
from ollama_simulator.exchange import TEXT_UTF8, Exchange
from ollama_simulator.models import Model, full_name, is_valid_name
from ollama_simulator.requests import show_request
from ollama_simulator.simulator import Simulator


async def root(simulator: Simulator, exchange: Exchange) -> None:
    """GET and HEAD `/`."""
    await exchange.reply(200, TEXT_UTF8, b"Ollama is running")


async def version(simulator: Simulator, exchange: Exchange) -> None:
    """GET and HEAD `/api/version`."""
    await exchange.reply_json({"version": simulator.settings.version})


async def tags(simulator: Simulator, exchange: Exchange) -> None:
    """GET and HEAD `/api/tags`."""
    await exchange.reply_json(replies.tags(simulator.catalogue.all()))


async def ps(simulator: Simulator, exchange: Exchange) -> None:
    """GET `/api/ps`."""
    await exchange.reply_json(replies.ps(simulator.runners.loaded()))


async def show(simulator: Simulator, exchange: Exchange) -> None:
    """POST `/api/show`."""
    name = show_request(await exchange.body())
    await exchange.reply_json(replies.show(shown_model(simulator, name)))


def shown_model(simulator: Simulator, name: str) -> Model:
    """The model of that name. Raises ApiError in the words of `/api/show`."""
    if not is_valid_name(name):
        raise ApiError(400, "invalid model name")
    model = simulator.catalogue.find(name)
    if model is None:
        raise ApiError(404, f"model '{full_name(name)}' not found")
    return model
