"""What the simulator can be told: by flags, or by variables named `PERFCOMPARE_SIMULATOR_*`."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ollama_simulator.durations import parse_duration_ns
from ollama_simulator.errors import InvalidSetting
from ollama_simulator.faults import KINDS, Fault, parse_faults
from ollama_simulator.latency import DISTRIBUTIONS, LatencyModel
from ollama_simulator.models import is_valid_name

__all__ = ["SimulatorSettings", "environment", "read_settings"]

PREFIX = "PERFCOMPARE_SIMULATOR_"
LISTEN_FD = "PERFCOMPARE_LISTEN_FD"
BIND = "PERFCOMPARE_BIND"
ALLOWED_HOSTS = "PERFCOMPARE_ALLOWED_HOSTS"

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """One simulated server. Raises InvalidSetting when a value makes no sense.

    `slots` and `queue` are Ollama's `OLLAMA_NUM_PARALLEL` and `OLLAMA_MAX_QUEUE`; `keep_alive` is
    a Go duration; `reply_tokens` fixes the length of each text, which else depends on its prompt;
    `tool_calls` is how many calls answer a request that offers tools; `control` turns the routes
    under `/__simulator/` on. `host` may be beyond loopback only with `allowed_hosts`, the names
    under which other machines may then call.
    """

    host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    port: int = 11434
    listen_fd: int | None = None
    models: tuple[str, ...] = ("ministral-3", "llama2", "mistral")
    latency: LatencyModel = field(default_factory=LatencyModel)
    slots: int = 1
    queue: int = 512
    keep_alive: str = "5m"
    reply_tokens: int | None = None
    tool_calls: int = 2
    seed: int = 0
    control: bool = False
    faults: tuple[Fault, ...] = ()
    version: str = "0.33.0-sim"

    def __post_init__(self) -> None:
        if self.host not in _LOOPBACK and not self.allowed_hosts:
            raise InvalidSetting(
                "host", f"is a loopback address, or {ALLOWED_HOSTS} names who may call"
            )
        _check_range("port", self.port, 0, 65_535)
        _check_range("slots", self.slots, 1, 1_024)
        _check_range("queue", self.queue, 0, 1_000_000)
        _check_range("reply_tokens", self.reply_tokens or 1, 1, 1_000_000)
        _check_range("tool_calls", self.tool_calls, 0, 16)
        if not self.models or not all(map(is_valid_name, self.models)):
            raise InvalidSetting("models", "is a list of model names")
        try:
            parse_duration_ns(self.keep_alive)
        except ValueError as error:
            raise InvalidSetting("keep_alive", str(error)) from None


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidSetting(name, f"is between {least} and {most}")


def environment() -> Mapping[str, str]:
    """The process environment; only `__main__` asks for it."""
    return os.environ  # noqa: TID251 - this is the package's settings file


def read_settings(
    arguments: Sequence[str], environ: Mapping[str, str] | None = None
) -> SimulatorSettings:
    """Settings from flags, then variables, then defaults.

    Raises InvalidSetting for a value that makes no sense and for an unknown variable with our
    prefix; argparse exits with 2 on an unknown flag.
    """
    variables = environ or {}
    known = {PREFIX + option.upper(): option for option in _OPTIONS}
    for name in variables:
        if name.startswith(PREFIX) and name not in known:
            raise InvalidSetting(name, "is not a variable of the simulator")
    given = {
        option: _convert(option, variables[name])
        for name, option in known.items()
        if name in variables
    }
    flags = vars(_parser().parse_args(arguments))
    given.update({option: value for option, value in flags.items() if value is not None})
    if variables.get(BIND):
        given.setdefault("host", variables[BIND])
    given["allowed_hosts"] = _names(variables.get(ALLOWED_HOSTS, "").lower())
    if variables.get(LISTEN_FD):
        given["listen_fd"] = _convert("port", variables[LISTEN_FD], name=LISTEN_FD)
    return _build(given)


def _build(given: dict[str, Any]) -> SimulatorSettings:
    latency = {f.name: given.pop(f.name) for f in fields(LatencyModel) if f.name in given}
    faults = parse_faults(given.pop("fault")) if "fault" in given else ()
    return SimulatorSettings(latency=LatencyModel(**latency), faults=faults, **given)


def _convert(option: str, text: str, *, name: str | None = None) -> Any:
    """The value of a variable. Raises InvalidSetting naming the variable."""
    kind = _OPTIONS[option][0]
    try:
        return kind(text)
    except ValueError:
        raise InvalidSetting(name or PREFIX + option.upper(), f"cannot be {text!r}") from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _switch(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


_OPTIONS: dict[str, tuple[Any, str]] = {
    "host": (str, "loopback address to listen on (127.0.0.1)"),
    "port": (int, "port to listen on (11434; 0 takes a free one)"),
    "models": (_names, "comma-separated models to serve (ministral-3,llama2,mistral)"),
    "latency_ms": (float, "time of a whole warm call (20)"),
    "distribution": (str, "of that time: " + ", ".join(DISTRIBUTIONS) + " (lognormal)"),
    "sigma": (float, "relative spread of that time (0.05)"),
    "token_ms": (float, "added per generated token after the first (0)"),
    "prompt_ms": (float, "added before the first token (0)"),
    "prompt_token_ms": (float, "added per prompt token that is not cached (0)"),
    "load_ms": (float, "time to load a cold model (200)"),
    "slots": (int, "requests that a model serves at a time (1)"),
    "queue": (int, "requests that may wait for a load (512)"),
    "keep_alive": (str, "Go duration that an idle model stays loaded (5m)"),
    "reply_tokens": (int, "length of each reply; depends on the prompt when not given"),
    "tool_calls": (int, "calls in the answer to a request that offers tools, 0 to 16 (2)"),
    "seed": (int, "seed of the latency and of unseeded replies (0)"),
    "fault": (str, "faults as kind[:name=value,…][;…]"),
    "control": (_switch, "serve the control routes under /__simulator/"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ollama_simulator",
        description=(
            "A model server that speaks Ollama's HTTP API and has no model. It answers with words "
            "chosen by a hash of the prompt, calls the tools that it is offered, keeps to a JSON "
            "schema, and takes the time that it is told to. It has no templates, no images and no "
            "log probabilities, and does not create, copy, push or delete models."
        ),
        epilog=(
            f"Each flag can be given as a variable {PREFIX}NAME; a flag wins. "
            "Kinds of faults: " + ", ".join(KINDS) + "."
        ),
        allow_abbrev=False,
    )
    for option, (kind, text) in _OPTIONS.items():
        flag = "--" + option.replace("_", "-")
        if kind is _switch:
            parser.add_argument(flag, action="store_true", default=None, help=text)
        elif option == "distribution":
            parser.add_argument(flag, choices=DISTRIBUTIONS, help=text)
        else:
            parser.add_argument(flag, type=kind, help=text)
    return parser
