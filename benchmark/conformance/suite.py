"""The whole suite: which groups there are, and how the checks are made one after the other."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from time import monotonic

from shared_models.agent_protocol import InitializeResult

from . import model_server
from .check import Check, Group, Outcome, Status
from .errors import Breach, Unjudgeable
from .groups import ALL_GROUPS, conduct
from .stage import Stage, open_stage

PATIENCE_S = 20.0

OnOutcome = Callable[[Outcome], None]


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of the suite; `agent` is None when no agent could be introduced."""

    command: Sequence[str]
    agent: InitializeResult | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, status: Status) -> int:
        """Return the number of checks that ended so."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def conforms(self) -> bool:
        """Whether nothing failed, and nothing was left out because of a breach."""
        return not any(outcome.status == "fail" or outcome.unjudged for outcome in self.outcomes)


async def examine(
    command: Sequence[str],
    *,
    groups: Iterable[Group] = ALL_GROUPS,
    server: AbstractAsyncContextManager[model_server.ModelServer] | None = None,
    patience_s: float = PATIENCE_S,
    on_outcome: OnOutcome | None = None,
) -> Report:
    """Make every check of `groups`, and those of the whole conversation, on an agent's command.

    `server` opens the model server, a simulator of its own by default. Raises AgentUnavailable
    when the command cannot be started.
    """
    report = Report(command=command)
    async with (
        server or model_server.started() as model,
        open_stage(command, model, patience_s=patience_s) as stage,
    ):
        await stage.newcomer()  # a command that cannot be started is no breach of the protocol
        for check in (check for group in (*groups, conduct.GROUP) for check in group.checks):
            await model.reset()
            outcome = await _outcome(check, stage)
            report.outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
        report.agent = stage.identity
    return report


async def _outcome(check: Check, stage: Stage) -> Outcome:
    started = monotonic()
    status: Status = "pass"
    came: str | None
    unjudged = False
    try:
        came = await _not_claimed(check, stage)
        if came is not None:
            status = "skipped"
        else:
            came = await check.examine(stage)
    except Unjudgeable as error:
        status, came, unjudged = "skipped", f"cannot be judged: {error}", True
    except Breach as error:
        status, came = "fail", str(error)
    except Exception as error:  # what no check has foreseen is the agent's fault all the same
        status, came = "fail", f"the check could not cope with what came: {error!r}"
    if status == "fail" or unjudged:
        await stage.retire_all()  # whatever state they are in must not colour the next check
    return Outcome(
        check=check,
        status=status,
        came=came,
        duration_s=monotonic() - started,
        unjudged=unjudged,
    )


async def _not_claimed(check: Check, stage: Stage) -> str | None:
    """Return why a check does not apply to the agent, or None."""
    if check.mode is None and check.scenario is None:
        return None
    told = (await stage.agent()).told
    if check.mode is not None and check.mode not in told.modes:
        return f"the agent does not claim the mode {check.mode}"
    if check.scenario is not None and check.scenario not in told.scenarios:
        return f"the agent does not claim the scenario {check.scenario}"
    return None
