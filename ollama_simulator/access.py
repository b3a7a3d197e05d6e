"""Who may call a loopback server: Ollama's check of the Host and Origin headers."""

import ipaddress
import re
import socket

__all__ = ["is_local_host", "is_local_origin"]

_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
_ORIGIN = re.compile(
    r"https?://(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(:\d+)?"
    r"|(app|file|tauri|vscode-webview|vscode-file)://.*",
    re.IGNORECASE | re.ASCII,
)
_known: dict[str, bool] = {}
_MOST_KNOWN = 64


def is_local_host(host: str, allowed: tuple[str, ...] = ()) -> bool:
    """Whether a Host header names this machine, a private address, or a host in `allowed`."""
    if allowed and _without_port(host).lower() in allowed:
        return True
    known = _known.get(host)
    if known is None:
        known = _judge(host)
        if len(_known) < _MOST_KNOWN:
            _known[host] = known
    return known


def is_local_origin(origin: str, host: str) -> bool:
    """Whether a browser page of that origin may call; `host` is the Host header."""
    if origin in (f"http://{host}", f"https://{host}"):
        return True
    return _ORIGIN.fullmatch(origin) is not None


def _judge(host: str) -> bool:
    name = _without_port(host).lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in ("", "localhost", socket.gethostname().lower()) or name.endswith(
            _LOCAL_SUFFIXES
        )
    return address.is_loopback or address.is_private or address.is_unspecified


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
