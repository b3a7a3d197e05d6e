"""The flavour `http`: a plain HTTP client and JSON, no library that knows Ollama."""

import json
from typing import Any

import httpx

from backend_python.agent.caller import OnText
from shared_models.configuration import TestConfiguration

from .by_hand import HandmadeCaller, Message, joined

CHAT = "/api/chat"


class HttpCaller(HandmadeCaller):
    """Asks through `httpx.AsyncClient`."""

    def __init__(self, client: httpx.AsyncClient, configuration: TestConfiguration) -> None:
        super().__init__(configuration)
        self._client = client

    async def _complete(self, request: dict[str, Any]) -> Message:
        response = await self._client.post(CHAT, json={**request, "stream": False})
        response.raise_for_status()
        message = response.json()["message"]
        return joined([message["content"]], message.get("tool_calls") or [])

    async def _stream(self, request: dict[str, Any], on_text: OnText) -> Message:
        pieces: list[str] = []
        tool_calls: list[Any] = []
        body = {**request, "stream": True}
        async with self._client.stream("POST", CHAT, json=body) as response:
            if response.is_error:
                await response.aread()
                response.raise_for_status()
            async for line in response.aiter_lines():
                message = json.loads(line)["message"]
                if message["content"]:
                    on_text()
                    pieces.append(message["content"])
                tool_calls += message.get("tool_calls") or []
        return joined(pieces, tool_calls)
