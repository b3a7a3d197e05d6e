"""The `options` of a request: what shapes the reply, and what a loaded model depends on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ollama_simulator.errors import ApiError

__all__ = ["DEFAULT_OPTIONS", "LoadOptions", "Options", "read_options"]

_DEFAULT_TEMPERATURE = 0.8


class LoadOptions(NamedTuple):
    """A model that is loaded with other values of these has to be loaded again."""

    num_ctx: int = 4_096
    num_batch: int = 512
    num_gpu: int = -1
    main_gpu: int | None = None
    use_mmap: bool | None = None
    num_thread: int = 0
    draft_num_predict: int = 0


class Options(NamedTuple):
    """Options that the simulator honours; `error` is the refusal that a wrong type earns.

    Ollama reads the options only when the model is known, so the refusal waits until then.
    """

    num_predict: int = -1
    seed: int = -1
    temperature: float = _DEFAULT_TEMPERATURE
    stop: tuple[str, ...] = ()
    load: LoadOptions = LoadOptions()
    error: ApiError | None = None


DEFAULT_OPTIONS = Options()

_INTEGERS = (
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "repeat_last_n",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "draft_num_predict",
)
_FLOATS = (
    "top_p",
    "min_p",
    "typical_p",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
_TYPES = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **dict.fromkeys(_FLOATS, "float32"),
    "use_mmap": "boolean",
    "stop": "array",
}
_LOAD_NAMES = LoadOptions._fields
_REPLY_NAMES = ("num_predict", "seed", "temperature")


def read_options(given: Mapping[str, Any]) -> Options:
    """The known options among `given`; unknown ones are ignored."""
    known: dict[str, Any] = {}
    for name, value in given.items():
        kind = _TYPES.get(name)
        if kind is None or value is None:
            continue
        if not _fits(kind, value):
            return Options(error=_refusal(name, kind, value))
        known[name] = int(value) if kind == "integer" else value
    load = {name: known[name] for name in _LOAD_NAMES if name in known}
    reply = {name: known[name] for name in _REPLY_NAMES if name in known}
    return Options(
        stop=tuple(known.get("stop", ())),
        load=LoadOptions(**load) if load else DEFAULT_OPTIONS.load,
        **reply,
    )


def _fits(kind: str, value: Any) -> bool:
    if kind in ("integer", "float32"):
        return type(value) in (int, float)
    if kind == "boolean":
        return type(value) is bool
    return type(value) is list and all(type(item) is str for item in value)


def _refusal(name: str, kind: str, value: Any) -> ApiError:
    """What Ollama says when the value has the wrong type; it calls that an internal error."""
    if kind == "array" and isinstance(value, list):
        return ApiError(500, f'option "{name}" must be of an array of strings')
    return ApiError(500, f'option "{name}" must be of type {kind}')
