"""Which model server the stack uses: the Ollama that answers, or the simulator in its place."""

from dataclasses import dataclass
from enum import Enum

from . import probes
from .errors import ModelServerError
from .listeners import port_owner
from .plan import External

PROBE_TIMEOUT_S = 0.5
VERSION_PATH = "/api/version"
SIMULATOR_HEADER = "x-perfcompare-simulator"
BESIDE_PORT = 11435
"""The simulator's port when something else has Ollama's."""


class Simulate(Enum):
    """When the simulator is launched."""

    IF_NEEDED = "if needed"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The decision: either an external server, or the port for the simulator."""

    external: External | None = None
    simulator_port: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that the decision rests on."""

    name: str
    """The external resource."""
    port: int
    configured_url: str | None
    """The address that the operator set, if any."""
    policy: Simulate

    @property
    def url(self) -> str:
        """Where the external server is expected."""
        return self.configured_url or f"http://localhost:{self.port}"


async def choose(question: Question) -> Choice:
    """Probe the server and decide; raises ModelServerError when the options leave no choice."""
    try:
        reply = await probes.get(question.url, VERSION_PATH, timeout_s=PROBE_TIMEOUT_S)
    except probes.ProbeFailed as error:
        if error.refused:
            return _without(question, reason="nothing listens there")
        return _foreign(question, reason=str(error))
    body = reply.json()
    if reply.status != 200 or not isinstance(body, dict) or "version" not in body:
        return _foreign(question, reason="it does not answer like Ollama")
    return _found(
        question, version=str(body["version"]), simulated=SIMULATOR_HEADER in reply.headers
    )


def _found(question: Question, *, version: str, simulated: bool) -> Choice:
    if question.policy is Simulate.ALWAYS:
        return Choice(simulator_port=BESIDE_PORT)
    kind = "simulator" if simulated else "Ollama"
    return Choice(
        external=External(name=question.name, url=question.url, detail=f"{kind} {version[:40]}")
    )


def _without(question: Question, *, reason: str) -> Choice:
    if question.policy is Simulate.ALWAYS:
        return Choice(simulator_port=question.port)
    if question.policy is Simulate.IF_NEEDED and question.configured_url is None:
        return Choice(
            simulator_port=question.port,
            note="no Ollama answers: the simulator takes its place, its figures are not a model's",
        )
    hint = "" if question.policy is Simulate.NEVER else "; --simulate starts the simulator"
    return Choice(
        external=External(
            name=question.name, url=question.url, unavailable=f"{question.url}: {reason}{hint}"
        )
    )


def _foreign(question: Question, *, reason: str) -> Choice:
    if question.policy is Simulate.ALWAYS:
        return Choice(simulator_port=BESIDE_PORT)
    if question.configured_url is not None:
        return _without(question, reason=reason)
    owner = port_owner(question.port)
    by = f" by {owner}" if owner else ""
    raise ModelServerError(
        f"port {question.port} is in use{by}, but {reason}; stop that process, set "
        f"services__{question.name}__http__0 to your Ollama's address, or use --simulate "
        f"(simulator on port {BESIDE_PORT})"
    )
