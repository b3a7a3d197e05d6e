"""The listening sockets: bound here before any child starts, and inherited by the children.

No port is ever guessed, a restarted child loses no connection, and a taken port is known before
anything runs.
"""

import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from .errors import PortInUse
from .plan import LOOPBACK

BACKLOG = 128


class Listeners:
    """Sockets by resource name; closing the object frees every port."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def bind(self, resource: str, port: int) -> int:
        """Listen on `port` of the loopback address (0: a free one) and return the port.

        Raises PortInUse.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Only waits out old connections (TIME_WAIT); a live listener still refuses the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            raise PortInUse(resource=resource, port=port, owner=port_owner(port)) from error
        self._sockets[resource] = listener
        return int(listener.getsockname()[1])

    def descriptors(self) -> Mapping[str, int]:
        """Return each socket's descriptor."""
        return {name: listener.fileno() for name, listener in self._sockets.items()}

    def close(self, resource: str) -> None:
        """Stop listening for one resource, so that its callers are refused and do not wait."""
        listener = self._sockets.pop(resource, None)
        if listener is not None:
            listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name in list(self._sockets):
            self.close(name)


def port_owner(port: int) -> str | None:
    """Return `name (pid N)` of the process that listens on a port, if it may be read."""
    import psutil  # 30 ms, and only needed for this message

    try:
        connections = psutil.net_connections("tcp")
        for connection in connections:
            listening = connection.status == psutil.CONN_LISTEN
            if listening and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return None
    return None
