"""The flavour `client`: the client library alone."""

from typing import Any

import ollama

from backend_python.agent.caller import OnText
from shared_models.configuration import TestConfiguration

from .by_hand import HandmadeCaller, Message, joined


class ClientCaller(HandmadeCaller):
    """Asks through `ollama.AsyncClient.chat`."""

    def __init__(self, client: ollama.AsyncClient, configuration: TestConfiguration) -> None:
        super().__init__(configuration)
        self._client = client

    async def _complete(self, request: dict[str, Any]) -> Message:
        reply = await self._client.chat(**request)
        return joined([reply.message.content or ""], _plain(reply.message.tool_calls))

    async def _stream(self, request: dict[str, Any], on_text: OnText) -> Message:
        pieces: list[str] = []
        tool_calls: list[Any] = []
        async for part in await self._client.chat(stream=True, **request):
            if part.message.content:
                on_text()
                pieces.append(part.message.content)
            tool_calls += _plain(part.message.tool_calls)
        return joined(pieces, tool_calls)


def _plain(tool_calls: Any) -> list[dict[str, Any]]:
    return [call.model_dump() for call in tool_calls or []]
