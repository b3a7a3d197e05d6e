"""Line framing: bytes in, whole lines out, with a cap (pure)."""

from .errors import BridgeProtocol


class LineSplitter:
    """Cuts a byte stream into lines; CR LF and a byte order mark are accepted."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` bounds one line and thereby the memory held."""
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes, without their ends; empty ones are left out.

        Raises BridgeProtocol when a line grows past the cap.
        """
        *ended, rest = chunk.split(b"\n")
        lines = []
        for piece in ended:
            self._add(piece)
            line = b"".join(self._parts).removeprefix(b"\xef\xbb\xbf").removesuffix(b"\r")
            self._parts, self._size = [], 0
            if line:
                lines.append(line)
        self._add(rest)
        return lines

    @property
    def has_partial_line(self) -> bool:
        """Whether the stream would end inside a line."""
        return self._size > 0

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise BridgeProtocol(f"the agent wrote a line longer than {self._max_bytes} bytes")
        if piece:
            self._parts.append(piece)
