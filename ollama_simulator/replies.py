"""The JSON of each reply, field by field as Go writes it: absent means empty."""

from typing import Any, NamedTuple

from ollama_simulator.models import Model
from ollama_simulator.runners import Runner

__all__ = ["Measured", "error", "model_details", "ps", "show", "tags"]

Json = dict[str, Any]


class Measured(NamedTuple):
    """What one call took, in nanoseconds by this server's clock, and its token counts."""

    total_ns: int
    load_ns: int
    prompt_count: int
    prompt_ns: int
    eval_count: int
    eval_ns: int

    def fields(self) -> Json:
        """The metrics of a reply, without those that are zero."""
        return {name: value for name, value in zip(_METRICS, self, strict=True) if value}


_METRICS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)


def error(text: str) -> Json:
    """A refusal."""
    return {"error": text}


def tags(models: list[Model]) -> Json:
    """`/api/tags`."""
    return {"models": [_listed(model) for model in models]}


def _listed(model: Model) -> Json:
    details = model_details(model)
    details["context_length"] = model.context_length
    details["embedding_length"] = model.embedding_length
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": model.modified_at,
        "size": model.size_bytes,
        "digest": model.digest,
        "details": details,
        "capabilities": list(model.capabilities),
    }


def ps(loaded: list[tuple[Runner, str]]) -> Json:
    """`/api/ps`."""
    return {"models": [_running(runner, expires_at) for runner, expires_at in loaded]}


def _running(runner: Runner, expires_at: str) -> Json:
    model = runner.model
    return {
        "name": model.name,
        "model": model.name,
        "size": model.size_bytes,
        "digest": model.digest,
        "details": model_details(model),
        "expires_at": expires_at,
        "size_vram": model.size_bytes,
        "context_length": runner.options.num_ctx,
    }


def show(model: Model) -> Json:
    """`/api/show`."""
    family = model.family
    return {
        "license": "The simulated model has no weights and no licence.",
        "modelfile": f"# A simulated model.\nFROM {model.name}\n",
        "template": "{{ .Prompt }}",
        "details": model_details(model),
        "model_info": {
            "general.architecture": family,
            "general.basename": model.name.split(":")[0],
            "general.file_type": 15 if model.quantization == "Q4_K_M" else 2,
            "general.quantization_version": 2,
            f"{family}.context_length": model.context_length,
            f"{family}.embedding_length": model.embedding_length,
        },
        "capabilities": list(model.capabilities),
        "modified_at": model.modified_at,
    }


def model_details(model: Model) -> Json:
    """What several replies say about a model's build."""
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }
