"""Why there is no .NET agent.

AgentUnavailable
├── ToolsMissing     what a build from source takes is not on this machine
├── BuildFailed      the tools are there, but the agent could not be built from source
└── ArchiveUnusable  a prebuilt agent does not fit this machine, or is damaged
"""


class AgentUnavailable(Exception):
    """No .NET agent can be started here; `reason` says why in one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ToolsMissing(AgentUnavailable):
    """The agent cannot be built here: there is no SDK, or no native toolchain."""


class BuildFailed(AgentUnavailable):
    """`output_tail` holds the last lines that the SDK printed."""

    def __init__(self, reason: str, *, output_tail: str = "") -> None:
        super().__init__(reason)
        self.output_tail = output_tail


class ArchiveUnusable(AgentUnavailable):
    """No prebuilt agent fits this machine, or the one that does is not what its manifest says."""
