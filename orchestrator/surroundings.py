"""The orchestrator's own settings, read once from the environment.

Not pydantic-settings like the services: it would triple the start time and the memory of a process
that must start the others at once. An unknown `PERFCOMPARE_` variable is refused by the children,
whose exit code 78 then ends the start.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the caller's environment says."""

    environment: Mapping[str, str]
    data_dir: Path

    def address_of(self, resource: str) -> str | None:
        """Return the configured URL of an external resource; raises SettingError."""
        return address_in(self.environment, resource)


def address_in(environment: Mapping[str, str], resource: str) -> str | None:
    """Return the URL that an environment names for a resource; raises SettingError."""
    simple = resource.upper().replace("-", "_") + "_HTTP"
    for name in (f"services__{resource}__http__0", simple):
        url = environment.get(name)
        if url:
            if not url.startswith(("http://", "https://")):
                raise SettingError(f"{name} is not an http:// or https:// address")
            return url.rstrip("/")
    return None


def load() -> Settings:
    """Read the environment; raises SettingError."""
    environment = dict(os.environ)  # noqa: TID251 - see the docstring
    given = environment.get("PERFCOMPARE_DATA_DIR")
    if given is not None and not given.strip():
        raise SettingError("PERFCOMPARE_DATA_DIR is empty")
    return Settings(
        environment=environment,
        data_dir=Path(given).absolute() if given else _default_data_dir(environment),
    )


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    # The same directory as service_defaults.settings.default_data_dir; a test compares them.
    home = environment.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "perfcompare"
