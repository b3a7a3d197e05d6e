"""Who may call a service, decided in one place.

The services trust this machine's user and nobody else: not a web page that the user has open
(cross-site requests, DNS rebinding, cross-site WebSockets), not another host. Decisions rest on
`scope["path"]` and raw headers, never on `request.url`, which a Host header can poison.
"""

import hmac
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import problem_response
from .settings import ServiceSettings

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_HEADER = "x-perfcompare-request"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'; img-src 'self' data:; font-src 'self' data:"
)
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode("ascii")),
)


def install_security(app: FastAPI, settings: ServiceSettings) -> None:
    """Guard every route of `app`, HTTP and WebSocket, mounted ones included."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    app.add_middleware(GuardMiddleware, api_key=key)
    app.add_middleware(
        TrustedHostMiddleware,
        allowed_hosts=[*LOOPBACK_HOSTS, *settings.allowed_hosts],
        www_redirect=False,
    )


class GuardMiddleware:
    """Refuses cross-site calls that change something, and cross-site WebSockets.

    A caller without Origin and Sec-Fetch-Site is no browser: it needs the API key, if one is set.
    A browser's body-less unsafe call must carry our own header, which another site cannot add
    without a preflight that we never grant.
    """

    def __init__(self, app: ASGIApp, *, api_key: str | None) -> None:
        self._app = app
        self._api_key = api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = self._refusal(scope)
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            response = problem_response(403, "The request is refused", detail=reason)
            await response(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is None and site is None:
            return self._key_refusal(scope, headers)
        if not _same_origin(origin, headers.get("host", "")) or site not in (
            None,
            "same-origin",
            "none",
        ):
            return "cross-site calls may not change anything"
        bodyless = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        if (
            scope["type"] == "http"
            and bodyless
            and REQUEST_HEADER not in headers
            and not scope["path"].startswith("/_nicegui")
        ):
            return f"a call without a body needs the header {REQUEST_HEADER}"
        return None

    def _key_refusal(self, scope: Scope, headers: Headers) -> str | None:
        if self._api_key is None or scope["type"] == "websocket":
            return None
        given = headers.get("x-api-key", "")
        if hmac.compare_digest(given.encode(), self._api_key.encode()):
            return None
        return "the API key is missing or wrong"


def allowed_origins(hosts: Iterable[str], port: int) -> list[str]:
    """Return the exact browser origins of a service that is called by these hosts on `port`."""
    return [f"http://{host}:{port}" for host in (*LOOPBACK_HOSTS, *hosts)]


def _same_origin(origin: str | None, host: str) -> bool:
    return origin is None or origin in (f"http://{host}", f"https://{host}")


def with_security_headers(scope: Scope, send: Send) -> Send:
    """Return a `send` that adds the security headers to a reply that lacks them."""
    if scope["type"] != "http":
        return send

    async def wrapped(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            headers = message.setdefault("headers", [])
            assert isinstance(headers, list)  # noqa: S101 - ASGI's own type
            present = {name for name, _ in headers}
            headers.extend(pair for pair in _SECURITY_HEADERS if pair[0] not in present)
        await send(message)

    return wrapped  # type: ignore[return-value] # Starlette's Send takes a MutableMapping
