"""The sides of a comparison: which backend works how, and what cannot be compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from service_defaults.errors import ProblemError
from shared_models import ComparisonRequest, Flavour, SideRequest, TestConfiguration

from .backends import BackendClient
from .errors import BackendError

LOAD_MODES = frozenset({"batch", "concurrent", "rate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side: its backend, and what each of its runs is asked to do.

    `index` is its place in the order of the sides; side 0 is the baseline.
    """

    index: int
    backend: BackendClient
    label: str
    configuration: TestConfiguration

    @property
    def flavour(self) -> Flavour:
        """How its agent works."""
        return self.configuration.flavour

    @property
    def delay_ms(self) -> float:
        """By how much each of its model calls is slower on purpose."""
        return self.configuration.delay_ms


def sides_of(request: ComparisonRequest, backends: Sequence[BackendClient]) -> tuple[Side, ...]:
    """Return the sides in their order, all backends when the request names none.

    Raises ProblemError (422) that names the field for what cannot be compared.
    """
    check(request)
    known = {backend.name: backend for backend in backends}
    wanted = request.sides or [
        SideRequest.model_validate({"backend": backend.name}) for backend in backends
    ]
    for index, side in enumerate(wanted):
        if side.backend not in known:
            names = " or ".join(known)
            raise _refusal(f"sides.{index}.backend", f"there is no such backend; it is {names}")
    if request.schedule == "parallel" and len({side.backend for side in wanted}) < len(wanted):
        raise _refusal(
            "sides",
            "one backend executes one run at a time, so the same backend twice cannot run in "
            "parallel; interleaved and sequential can compare it with itself",
        )
    labels = _labels(wanted, known, request.configuration.flavour)
    return tuple(
        Side(
            index=index,
            backend=known[side.backend],
            label=labels[index],
            configuration=_configuration(request, side),
        )
        for index, side in enumerate(wanted)
    )


async def check_supported(sides: Sequence[Side]) -> None:
    """Ask every backend what its agent can do, before anything is started.

    Raises ProblemError (422) that names the field. A backend that does not answer is left to fail
    when it is started, with its own words.
    """
    for side in sides:
        try:
            able = await side.backend.capabilities()
        except BackendError:
            continue
        given = side.configuration
        for field, value, possible in (
            ("configuration.testMode", given.test_mode, able.modes),
            ("configuration.scenario", given.scenario, able.scenarios),
            (f"sides.{side.index}.flavour", given.flavour, able.flavours),
        ):
            if value not in possible:
                known = ", ".join(possible)
                raise _refusal(field, f"{side.label} does not know {value}, but {known}")


def uses_windows(request: ComparisonRequest) -> bool:
    """Whether segments are windows of time: in the load modes, and wherever a duration is set."""
    configuration = request.configuration
    return configuration.test_mode in LOAD_MODES or configuration.duration_seconds is not None


def check(request: ComparisonRequest) -> None:
    """Refuse what would be ignored or cannot work, whatever the backends can do."""
    configuration = request.configuration
    if configuration.gated:
        raise _refusal("configuration.gated", "the schedule decides that")
    if configuration.test_mode == "rate" and configuration.rate_per_second is None:
        raise _refusal("configuration.ratePerSecond", "the mode rate needs it")
    if configuration.test_mode != "rate" and configuration.rate_per_second is not None:
        raise _refusal("configuration.ratePerSecond", "only the mode rate has one")
    if request.expected_tokens is not None:
        prompts = configuration.prompts
        if prompts is None or len(prompts) != len(request.expected_tokens):
            raise _refusal("expectedTokens", "there must be as many as configuration.prompts")


def _configuration(request: ComparisonRequest, side: SideRequest) -> TestConfiguration:
    given = request.configuration
    changes: dict[str, object] = {}
    if side.flavour is not None:
        changes["flavour"] = side.flavour
    if side.delay_ms is not None:
        changes["delay_ms"] = side.delay_ms
    warm_up_is_asked_for = {"warmup_iterations", "warmup_seconds"} & given.model_fields_set
    if request.schedule == "interleaved" and not warm_up_is_asked_for:
        changes["warmup_iterations"] = "auto"
    return given.model_copy(update=changes)


def _labels(
    wanted: Sequence[SideRequest], known: dict[str, BackendClient], flavour: Flavour
) -> list[str]:
    """Return each side's given label, else its backend's with the flavour; equal ones counted."""
    labels = []
    for side in wanted:
        own = side.flavour or flavour
        plain = known[side.backend].label + (f" ({own})" if own != "agent" else "")
        labels.append(side.label or plain)
    twice = {label for label, count in Counter(labels).items() if count > 1}
    seen: Counter[str] = Counter()
    for index, label in enumerate(labels):
        if label in twice:
            seen[label] += 1
            labels[index] = f"{label} {seen[label]}"
    return labels


def _refusal(field: str, reason: str) -> ProblemError:
    return ProblemError(422, "The comparison cannot be run", detail=reason, field=field)
