"""What the two body fields cost that the client libraries add on one side only.

One keep-alive client posts the same chat request with and without the field, in alternating
blocks. Run against a real server to get its own answer:
`python -m benchmarks.request_fields http://localhost:11434 ministral-3`.
"""

import contextlib
import statistics
import sys
from time import perf_counter_ns
from typing import Any

import anyio
import httpx
import orjson

from .intervals import paired_ratio
from .model_server import simulator_process

BLOCK = 50
PAIRS = 60
WARM_UP = 500
FIELDS: dict[str, dict[str, Any]] = {
    "tools: [] (Python)": {"tools": []},
    "CustomHeaders: {} (.NET)": {"CustomHeaders": {}},
}


def body(model: str, extra: dict[str, Any]) -> bytes:
    """Return a chat request, with one more field or none."""
    message = {"role": "user", "content": "Say hello 1"}
    options = {"temperature": 0.0, "seed": 1, "num_predict": 4}
    base = {"model": model, "stream": False, "think": False, "options": options}
    return orjson.dumps({**base, "messages": [message], **extra})


async def block_ms(client: httpx.AsyncClient, content: bytes, calls: int = BLOCK) -> float:
    """Return the median of a block of calls, ms."""
    durations = []
    for _ in range(calls):
        start_ns = perf_counter_ns()
        reply = await client.post("/api/chat", content=content)
        durations.append(perf_counter_ns() - start_ns)
        reply.raise_for_status()
    return statistics.median(durations) / 1e6


async def main(url: str | None, model: str) -> int:
    """Print each field's ratio; 1 when a field costs more than a hundredth."""
    missed = 0
    async with contextlib.AsyncExitStack() as stack:
        flags = ("--latency-ms", "0", "--load-ms", "0")
        simulated: str = await stack.enter_async_context(simulator_process(*flags))
        address = url or simulated
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=address, trust_env=False, timeout=60)
        )
        await block_ms(client, body(model, {}), WARM_UP)
        for name, extra in FIELDS.items():
            with_field: list[float] = []
            without: list[float] = []
            for number in range(PAIRS):
                blocks = [(with_field, body(model, extra)), (without, body(model, {}))]
                for medians, content in blocks if number % 2 else reversed(blocks):
                    medians.append(await block_ms(client, content))
            ratio = paired_ratio(with_field, without)
            # The field is harmful only when even the low end of the interval says so.
            verdict = "MISSED" if ratio.low > 1.01 else "ok"
            missed += verdict == "MISSED"
            print(f"{name:26} ratio {ratio}: {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    arguments = [*sys.argv[1:3], None, None]
    sys.exit(anyio.run(main, arguments[0], arguments[1] or "ministral-3"))
