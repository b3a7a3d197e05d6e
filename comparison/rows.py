"""A report with every call that it rests on, streamed: a million rows never stand in memory."""

from collections.abc import Iterator

import orjson

from shared_models import ComparisonReport

from .record import Record


def report_json(report: ComparisonReport, record: Record) -> Iterator[bytes]:
    """Yield the report as JSON with one more field: `samples`, all sides' calls with their place.

    A row has side, launch, superBlock, segment, position, discarded, sessionId and the sample.
    """
    yield report.model_dump_json().encode()[:-1] + b',"samples":['
    separator = b""
    for side in record.sides:
        for row in side.rows():
            yield separator + orjson.dumps(row)
            separator = b","
    yield b"]}"
