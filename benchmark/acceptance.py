"""What a backend makes of a configuration before it runs: refused on a field, or completed (pure).

A value that would be ignored is refused like one that cannot be done: the user asked for it.
"""

from shared_models.configuration import DEFAULT_PROMPT, SCENARIO_PROMPTS, TestConfiguration

from .launcher import AgentDescription


def refusal(
    configuration: TestConfiguration, description: AgentDescription
) -> tuple[str, str] | None:
    """Return the field for which this backend cannot run it and the reason, or None."""
    for field, value, possible in (
        ("testMode", configuration.test_mode, description.modes),
        ("scenario", configuration.scenario, description.scenarios),
        ("flavour", configuration.flavour, description.flavours),
    ):
        if value not in possible:
            return field, f"this backend's agent does not know {value}, but {', '.join(possible)}"
    if configuration.test_mode == "rate":
        if configuration.rate_per_second is None:
            return "ratePerSecond", "the mode rate needs a rate"
        return None
    if configuration.rate_per_second is not None:
        return "ratePerSecond", f"the mode {configuration.test_mode} has no rate"
    if configuration.arrivals != "constant":
        return "arrivals", f"the mode {configuration.test_mode} has no arrivals"
    return None


def completed(configuration: TestConfiguration, endpoint: str) -> TestConfiguration:
    """Return the configuration as it is run: on `endpoint`, with its scenario's own prompt.

    The prompt of the chat, where nobody has set another, makes no sense in the other scenarios.
    """
    changes = {"endpoint": endpoint}
    if configuration.prompts is None and configuration.prompt == DEFAULT_PROMPT:
        changes["prompt"] = SCENARIO_PROMPTS[configuration.scenario]
    return configuration.model_copy(update=changes)
