"""A result with all its samples, streamed: a million of them never stand in memory at once."""

import csv
import io
from collections.abc import AsyncIterator, Iterator

import orjson

from shared_models.agent_protocol import Sample

from .session import BlockEnd, RunSession
from .views import result_of, status_of

CSV_FIELDS = [field.alias or name for name, field in Sample.model_fields.items() if name != "calls"]


def result_json(session: RunSession) -> Iterator[bytes]:
    """Yield a TestResult as JSON, its `samples` included."""
    body = result_of(session).model_dump_json(exclude={"samples"}).encode()
    yield body[:-1] + b',"samples":['
    separator = b""
    for _, rows in session.record.samples.json_batches():
        yield separator + rows[1:-1]
        separator = b","
    yield b"]}"


async def block_json(session: RunSession, block: BlockEnd) -> AsyncIterator[bytes]:
    """Yield an AdvanceReply as JSON, made of the packed samples."""
    part = b'{"samples":['
    for _, rows in session.record.samples.json_batches(after=block.first_position):
        yield part + rows[1:-1]
        part = b","
    if part != b",":
        yield part
    status = status_of(session).model_dump_json()
    yield f'],"wallNs":{block.wall_ns},"dropped":{block.dropped},"status":{status}}}'.encode()


def samples_csv(session: RunSession) -> Iterator[str]:
    """Yield one line per sample, a header first; text that a spreadsheet would run is quoted."""
    yield _line(CSV_FIELDS)
    for _, rows in session.record.samples.json_batches():
        for sample in orjson.loads(rows):
            yield _line([_cell(sample.get(name)) for name in CSV_FIELDS])


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    # With the standard CR LF as line end, either of them inside a cell is quoted.
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in "=+-@\t\r" else text
