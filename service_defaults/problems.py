"""Refusals as RFC 9457 problem+json, without ever echoing the input.

FastAPI's stock handler answers 500 to NaN, 1e400 and lone surrogates, because it tries to send
them back; this one names the field and the reason only.
"""

import json
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared_models import FieldProblem, Problem

from .errors import EndpointError, EndpointUnresolved, ProblemError

PROBLEM_TYPE = "application/problem+json"
MAX_ERRORS = 20
MAX_FIELD_LENGTH = 64
PROBLEM_RESPONSE: dict[str, Any] = {
    "model": Problem,
    "content": {PROBLEM_TYPE: {}},
}

_log = structlog.get_logger()


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries for the statuses that a route may refuse with."""
    return {
        status: {**PROBLEM_RESPONSE, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


class ProblemResponse(JSONResponse):
    """problem+json in pure ASCII, so that no input can break its encoding."""

    media_type = PROBLEM_TYPE

    def render(self, content: Any) -> bytes:
        """Encode the problem."""
        return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def problem_response(
    status: int,
    title: str,
    *,
    detail: str | None = None,
    errors: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> ProblemResponse:
    """Return a reply that carries one problem."""
    problem = Problem(title=title, status=status, detail=detail, errors=errors)
    return ProblemResponse(
        problem.model_dump(exclude_none=True), status_code=status, headers=headers
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every refusal and failure of `app` as problem+json."""
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(EndpointError, _on_endpoint)
    app.add_exception_handler(Exception, _on_failure)


async def _on_invalid(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows the handler's type
    errors = [
        FieldProblem(field=_field(entry["loc"]), message=_printable(str(entry["msg"])))
        for entry in error.errors()[:MAX_ERRORS]
    ]
    return problem_response(422, "The request is not valid", errors=errors)


async def _on_http(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows the handler's type
    headers = dict(error.headers) if error.headers else None
    return problem_response(error.status_code, _printable(str(error.detail)), headers=headers)


async def _on_problem(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 - narrows the handler's type
    return problem_response(error.status, error.title, detail=error.detail, errors=error.errors)


async def _on_endpoint(_request: Request, error: Exception) -> ProblemResponse:
    status = 502 if isinstance(error, EndpointUnresolved) else 422
    field = FieldProblem(field="endpoint", message=str(error))
    return problem_response(status, "The endpoint cannot be used", errors=[field])


async def _on_failure(_request: Request, error: Exception) -> ProblemResponse:
    _log.error("request_failed", exc_info=error)
    return problem_response(500, "The service failed; its log says why")


def _field(location: tuple[Any, ...]) -> str:
    # A malformed body is located by an offset, which names no field; below the first name,
    # what is neither a name nor an index is the validator's label for a branch of a union.
    first, *rest = location[1:] or ("body",)
    if isinstance(first, int):
        return "body"
    below = [str(part) for part in rest if isinstance(part, int) or part.isidentifier()]
    return _printable(".".join([first, *below]))[:MAX_FIELD_LENGTH]


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")[:500]
