"""One JSON object a line, in both directions."""

import json
from contextlib import suppress

from benchmark.conformance.check import Group, expect, expect_refusal, shown
from benchmark.conformance.errors import Breach
from benchmark.conformance.peer import AgentPeer
from benchmark.conformance.stage import Stage
from shared_models.agent_protocol import (
    INVALID_REQUEST,
    MAX_LINE_BYTES,
    NOT_INITIALISED,
    PARSE_ERROR,
)

GROUP = Group("framing")

NO_JSON = (b"hello", b'{"jsonrpc":"2.0"', b"\xff\xfe", b"[" * 5_000)
NO_REQUESTS = (
    b'"text"',
    b"7",
    b"null",
    b'{"jsonrpc":"1.0","method":"run"}',
    b'{"jsonrpc":"2.0"}',
    b'{"jsonrpc":"2.0","id":"5","method":"run"}',
    b'{"jsonrpc":"2.0","method":7}',
)
BATCHES = (b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"shutdown","params":{}}]')


@GROUP.check()
async def a_line_that_is_not_json_is_a_parse_error(stage: Stage) -> None:
    """It is answered with −32700 and id null, and the agent reads on."""
    await _all_refused(await stage.newcomer(), NO_JSON, PARSE_ERROR)


@GROUP.check()
async def a_line_that_is_no_request_is_refused(stage: Stage) -> None:
    """JSON that is no JSON-RPC 2.0 request with a whole number as id is answered with −32600 and
    id null, and the agent reads on."""
    await _all_refused(await stage.newcomer(), NO_REQUESTS, INVALID_REQUEST)


@GROUP.check()
async def a_batch_is_refused(stage: Stage) -> None:
    """A JSON array is answered with one −32600 and id null; nothing in it is done."""
    await _all_refused(await stage.newcomer(), BATCHES, INVALID_REQUEST)


async def _all_refused(peer: AgentPeer, lines: tuple[bytes, ...], code: int) -> None:
    for line in lines:
        asked = repr(line[:60].decode("latin-1"))
        before = len(peer.heard)
        await peer.write(line + b"\n")
        expect_refusal(await peer.next_reply_without_id(before), code, asked=f"the line {asked}")
        await _still_there(peer)


async def _still_there(peer: AgentPeer) -> None:
    expect_refusal(await peer.ask("runtimeStatistics"), NOT_INITIALISED, asked="the next request")


@GROUP.check()
async def a_notification_is_never_answered(stage: Stage) -> None:
    """A message without an id has nobody who waits for an answer, not even for an error."""
    peer = await stage.newcomer()
    before = len(peer.heard)
    for method in ("surprise", "run"):
        await peer.send({"jsonrpc": "2.0", "method": method, "params": {}})
    await _still_there(peer)
    came = [heard.message for heard in peer.heard[before:-1]]
    expect(not came, f"it was answered with {shown(came)}")


@GROUP.check()
async def a_request_may_come_in_pieces_and_several_at_once(stage: Stage) -> None:
    """Only the line's end ends a request, wherever the pipe cuts it."""
    peer = await stage.newcomer()
    first, second, third = (_request(peer) for _ in range(3))
    line = first[1] + second[1] + third[1]
    for start in range(0, len(line), 50):
        await peer.write(line[start : start + 50])
    for number, _ in (first, second, third):
        expect_refusal(await peer.reply_to(number), NOT_INITIALISED, asked="a request in pieces")


@GROUP.check()
async def a_line_of_nearly_8_mib_is_read(stage: Stage) -> None:
    """8 MiB are the limit, not less: a long list of prompts is a good configuration."""
    peer = await stage.newcomer()
    room = MAX_LINE_BYTES - 1_000
    number = await _send_between(peer, b"", b" " * room + b"\n")
    expect_refusal(await peer.reply_to(number), NOT_INITIALISED, asked="a line of nearly 8 MiB")


@GROUP.check()
async def a_line_past_8_mib_is_not_taken(stage: Stage) -> None:
    """The agent answers −32700 with id null or ends with a status other than 0; it does not wait
    for the end of the line."""
    peer = await stage.newcomer()
    before = len(peer.heard)
    with suppress(Breach):  # an agent may end before it has taken the whole line
        await peer.write(b"x" * (MAX_LINE_BYTES + 2**20))
    await peer.until(lambda: len(peer.heard) > before or peer.ended or None, "nothing came")
    if len(peer.heard) > before:
        expect_refusal(peer.heard[before].message, PARSE_ERROR, asked="a line of 9 MiB")
    else:
        expect(await peer.exit_status() != 0, "the agent ended with status 0")
    await stage.retire(peer)


@GROUP.check()
async def odd_line_ends_and_a_byte_order_mark_are_read(stage: Stage) -> None:
    """CR LF, empty lines, blanks around an object and a byte order mark at the very beginning do no
    harm."""
    peer = await stage.newcomer(fresh=True)
    number = await _send_between(peer, b"\xef\xbb\xbf", b"\r\n")
    expect_refusal(await peer.reply_to(number), NOT_INITIALISED, asked="the first request")
    number = await _send_between(peer, b"\r\n\n", b"  \r\n")
    expect_refusal(await peer.reply_to(number), NOT_INITIALISED, asked="the second request")
    expect(len(peer.heard) == 2, "an empty line was answered too")


def _request(peer: AgentPeer) -> tuple[int, bytes]:
    """Return a request that was registered, but not sent: its id and its line."""
    number = peer.expect_reply_to("runtimeStatistics")
    message = {"jsonrpc": "2.0", "id": number, "method": "runtimeStatistics", "params": {}}
    return number, json.dumps(message).encode() + b"\n"


async def _send_between(peer: AgentPeer, before: bytes, after: bytes) -> int:
    """Send a request between `before` and `after`; return its id."""
    number, line = _request(peer)
    await peer.write(before + line.rstrip(b"\n") + after)
    return number
