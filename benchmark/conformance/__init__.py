"""The conformance suite for agents: `perfcompare agent-check -- COMMAND…`.

Reading order: `suite` (what is examined, in which order) → `groups/` (the checks, a file per
group) → `stage` (what a check works with) → `block` (what came of a run) → `peer` (the agent's
process) and `model_server` (the simulated model that it asks).
"""

__all__: list[str] = []
