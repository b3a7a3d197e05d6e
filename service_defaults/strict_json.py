"""A route that reads bodies as strict JSON: UTF-8, no NaN, no duplicate keys, bounded nesting."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute


class StrictJsonRequest(Request):
    """A request whose `json()` refuses what the standard library lets pass."""

    async def json(self) -> Any:
        """Return the parsed body; raises json.JSONDecodeError (FastAPI answers 422)."""
        body = await self.body()
        try:
            return json.loads(
                body.decode("utf-8"),
                object_pairs_hook=_unique_keys,
                parse_constant=_refuse_constant,
            )
        except json.JSONDecodeError:
            raise
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise json.JSONDecodeError(type(error).__name__, "", 0) from error


class StrictJsonRoute(APIRoute):
    """The route class of every router that takes a body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler so that it sees the strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictJsonRequest(request.scope, request.receive))

        return strict


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
