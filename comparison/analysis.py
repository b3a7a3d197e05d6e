"""From what was recorded to what it means: the statistics of a comparison, off the event loop."""

from array import array
from typing import TYPE_CHECKING

import anyio.to_thread

from shared_models import ComparisonRequest

from .record import Record, SideRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .statistics import Analysis, SideObservations


async def analyse_record(request: ComparisonRequest, record: Record) -> "Analysis":
    """Analyse in a worker thread: a million calls take seconds."""
    return await anyio.to_thread.run_sync(analyse_now, request, record)


def analyse_now(request: ComparisonRequest, record: Record) -> "Analysis":
    """Return the figures of all sides and pairs. Loads numpy, which nothing else here needs."""
    from .statistics import Design, analyse

    design = Design(
        schedule=request.schedule,
        mode=request.configuration.test_mode,
        margin=request.equivalence_margin,
        seed=request.seed,
    )
    return analyse([_observations(side) for side in record.sides], design)


def _observations(side: SideRecord) -> "SideObservations":
    from .statistics import SideObservations

    columns = side.columns
    return SideObservations(
        label=side.side.label,
        launch=_integers(columns.launch),
        super_block=_integers(columns.super_block),
        window=_integers(columns.window),
        start_s=_floats(columns.start_s),
        latency_s=_floats(columns.latency_s),
        ok=_flags(columns.ok),
        after_switch=_flags(columns.after_switch) if any(columns.after_switch) else None,
        first_token_s=_known(columns.first_token_s),
        last_token_s=_known(columns.last_token_s),
        completion_tokens=_known(columns.completion_tokens),
        prompt_tokens=_known(columns.prompt_tokens),
        eval_s=_known(columns.eval_s),
        transport_s=_known(columns.transport_s),
        model_s=_known(columns.model_s),
        tool_s=_known(columns.tool_s),
        lag_s=_known(columns.lag_s),
        failures=dict(side.failures),
        launch_position=tuple(launch.position for launch in side.launches),
    )


def _integers(values: "array[int]") -> "NDArray[np.int64]":
    import numpy as np

    return np.array(values, dtype=np.int64)


def _flags(values: "array[int]") -> "NDArray[np.bool_]":
    import numpy as np

    return np.array(values, dtype=np.bool_)


def _floats(values: "array[float]") -> "NDArray[np.float64]":
    import numpy as np

    return np.array(values, dtype=np.float64)


def _known(values: "array[float]") -> "NDArray[np.float64] | None":
    """Return a column, or None when not a single figure in it is known."""
    import numpy as np

    column = _floats(values)
    return None if np.isnan(column).all() else column
