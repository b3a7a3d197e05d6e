"""The settings of the web service, its services' default addresses and its own secret."""

import os
import secrets
import socket
from pathlib import Path

from service_defaults.settings import ServiceSettings

DEFAULT_PORT = 5000
SECRET_BYTES = 48

BACKENDS = {"python-backend": "Python", "dotnet-backend": ".NET"}
"""The compared services in the order of the sides, each with the name that people use."""

ADDRESSES = {
    "python-backend": "http://localhost:5001",
    "dotnet-backend": "http://localhost:5002",
    "ollama": "http://localhost:11434",
}
"""Where the services are when the environment does not say."""


class WebSettings(ServiceSettings):
    """What the web service reads; so far nothing of its own."""


def listening_port(settings: ServiceSettings) -> int:
    """Return the port that the service will be called on: the inherited socket's, if any."""
    if settings.listen_fd is None:
        return settings.port or DEFAULT_PORT
    with socket.socket(fileno=os.dup(settings.listen_fd)) as inherited:
        return int(inherited.getsockname()[1])


def storage_secret(data_dir: Path) -> str:
    """Return the secret that signs this installation's cookies; made at the first start."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / "web-secret"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret)
    return secret
