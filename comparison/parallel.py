"""The seed's schedule: every backend runs the same configuration at the same time."""

from collections.abc import Sequence

import anyio

from shared_models import BackendResult, ComparisonReply, TestConfiguration

from .backends import BackendClient
from .errors import BackendError
from .observed import compared_side, observed


async def run_parallel(
    backends: Sequence[BackendClient], configuration: TestConfiguration
) -> ComparisonReply:
    """Run on all backends at once; a backend that fails leaves the others alone.

    Cancelling this call cancels every run.
    """
    found: dict[str, BackendResult] = {}

    async def run_one(backend: BackendClient) -> None:
        found[backend.name] = await _outcome(backend, configuration)

    async with anyio.create_task_group() as group:
        for backend in backends:
            group.start_soon(run_one, backend)
    results = [found[backend.name] for backend in backends]
    sides = [
        compared_side(backend.name, backend.label, result.result)
        for backend, result in zip(backends, results, strict=True)
    ]
    return ComparisonReply(
        configuration=configuration, results=results, comparison=observed("parallel", sides)
    )


async def _outcome(backend: BackendClient, configuration: TestConfiguration) -> BackendResult:
    try:
        return BackendResult(backend=backend.name, result=await backend.run(configuration))
    except BackendError as error:
        return BackendResult(backend=backend.name, result=None, problem=error.problem)
