"""Server-sent events out of lines of text, by the rules of the HTML standard."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event; `id` is the last id seen, as the standard says."""

    event: str
    data: str
    id: str | None


@dataclass(slots=True)
class EventParser:
    """Collects fields until the blank line that ends an event."""

    last_id: str | None = None
    _event: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> ServerSentEvent | None:
        """Take one line without its ending; returns the event that it completes."""
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self.last_id = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        if not data:
            return None
        return ServerSentEvent(event=event, data="\n".join(data), id=self.last_id)


async def events(
    lines: AsyncIterable[str], *, last_id: str | None = None
) -> AsyncIterator[ServerSentEvent]:
    """Yield the events of a stream; an unfinished one at its end is dropped."""
    parser = EventParser(last_id)
    async for line in lines:
        event = parser.feed(line)
        if event is not None:
            yield event
