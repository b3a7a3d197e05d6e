"""Writing to the terminal without ever waiting for it.

A terminal that is paused or a pipe that nobody reads blocks the writer. Here that is a thread with
a bounded queue, so neither the children nor Ctrl-C have to wait; what does not fit is dropped,
counted and reported.
"""

import os
import threading
from queue import Empty, Full, Queue

QUEUE_LINES = 2000
CLOSE_WAIT_S = 0.3


class Output:
    """Lines to one descriptor, in order."""

    def __init__(self, descriptor: int) -> None:
        self.is_terminal = os.isatty(descriptor)
        self._descriptor = descriptor
        self._queue: Queue[str | None] = Queue(QUEUE_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_all, name="output", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Write a line, or count it as dropped when the reader is too slow."""
        try:
            self._queue.put_nowait(text)
        except Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what is left, but wait only a moment for a reader that is stuck."""
        try:
            self._queue.put_nowait(None)
        except Full:
            return
        self._thread.join(CLOSE_WAIT_S)

    def _write_all(self) -> None:
        while (text := self._queue.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                text = f"({dropped} lines were not shown: the reader was too slow)\n{text}"
            if not self._write(text):
                self._discard()

    def _write(self, text: str) -> bool:
        data = memoryview((text + "\n").encode("utf-8", "replace"))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:  # the reader has gone; the stack goes on without it
            return False
        return True

    def _discard(self) -> None:
        try:
            while self._queue.get_nowait() is not None:
                pass
        except Empty:
            return
        self._queue.put_nowait(None)
