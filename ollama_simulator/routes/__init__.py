"""Which handler answers which method and path."""

from collections.abc import Awaitable, Callable, Mapping

from ollama_simulator.exchange import Exchange
from ollama_simulator.routes import control, embedding, information, openai, pulling, text
from ollama_simulator.simulator import Simulator

__all__ = ["CONTROL_PREFIX", "CONTROL_ROUTES", "OLLAMA_ROUTES", "Handler", "Routes"]

Handler = Callable[[Simulator, Exchange], Awaitable[None]]
Routes = dict[str, Mapping[str, Handler]]

CONTROL_PREFIX = "/__simulator/"

OLLAMA_ROUTES: Routes = {
    "/": {"GET": information.root, "HEAD": information.root},
    "/api/version": {"GET": information.version, "HEAD": information.version},
    "/api/tags": {"GET": information.tags, "HEAD": information.tags},
    "/api/ps": {"GET": information.ps},
    "/api/show": {"POST": information.show},
    "/api/chat": {"POST": text.chat},
    "/api/generate": {"POST": text.generate},
    "/api/embed": {"POST": embedding.embed},
    "/api/embeddings": {"POST": embedding.embeddings},
    "/api/pull": {"POST": pulling.pull},
    "/v1/models": {"GET": openai.models},
    "/v1/models/{model}": {"GET": openai.model},
    "/v1/chat/completions": {"POST": openai.chat_completions},
}

CONTROL_ROUTES: Routes = {
    CONTROL_PREFIX + "faults": {
        "GET": control.list_faults,
        "POST": control.plan_faults,
        "DELETE": control.forget_faults,
    },
    CONTROL_PREFIX + "requests": {
        "GET": control.list_requests,
        "DELETE": control.forget_requests,
    },
    CONTROL_PREFIX + "pause": {"POST": control.pause},
    CONTROL_PREFIX + "latency": {"GET": control.show_latency, "POST": control.change_latency},
}
