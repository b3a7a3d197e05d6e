"""The only place that reads the environment: one frozen settings class per process.

pydantic-settings ignores a mistyped variable even under `extra="forbid"`, hence the check against
the table of every variable that the product knows.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .errors import ConfigurationError

PREFIX = "PERFCOMPARE_"
SIMULATOR_PREFIX = "PERFCOMPARE_SIMULATOR_"  # checked by the simulator itself
LOOPBACK_BINDS = frozenset({"127.0.0.1", "::1", "localhost"})

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


def process_environment() -> Mapping[str, str]:
    """Return this process's environment as it is now."""
    return dict(os.environ)  # noqa: TID251 - the one place


def default_data_dir() -> Path:
    """Return the XDG data directory of the product."""
    home = os.environ.get("XDG_DATA_HOME")  # noqa: TID251 - the one place
    return (Path(home) if home else Path.home() / ".local" / "share") / "perfcompare"


def default_cache_dir() -> Path:
    """Return the XDG cache directory, where built and unpacked agents are kept."""
    home = os.environ.get("XDG_CACHE_HOME")  # noqa: TID251 - the one place
    return (Path(home) if home else Path.home() / ".cache") / "perfcompare"


class ServiceSettings(BaseSettings):
    """What every service reads; a service with more fields derives its own class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    port: Annotated[int, Field(ge=0, le=65_535, validation_alias=AliasChoices("port", "PORT"))] = 0
    """TCP port when no socket is inherited."""
    bind: str = "127.0.0.1"
    """Address to listen on; beyond loopback only together with `allowed_hosts`."""
    listen_fd: Annotated[int, Field(ge=3)] | None = None
    """File descriptor of a listening socket that the parent bound."""
    allowed_hosts: CommaSeparated = ()
    """Host names, beside the loopback ones, under which the service may be called."""
    allowed_endpoints: CommaSeparated = ()
    """Model server origins, beside loopback, that a run may use."""
    api_key: SecretStr | None = None
    """When set, callers that are not browsers must send it in `x-api-key` to change anything."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where settings, keys and results are kept."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Where built and unpacked agents are kept; safe to delete."""

    @field_validator("allowed_hosts", "allowed_endpoints", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @classmethod
    def load(cls) -> Self:
        """Read and check the environment.

        Raises ConfigurationError when a variable with our prefix is unknown or malformed, or
        when the bind address needs `allowed_hosts`.
        """
        reject_unknown_variables(process_environment())
        try:
            settings = cls()
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            raise ConfigurationError(f"{PREFIX}{name}: {first['msg']}") from error
        if settings.bind not in LOOPBACK_BINDS and not settings.allowed_hosts:
            raise ConfigurationError(
                f"{PREFIX}BIND={settings.bind} listens beyond this machine; "
                f"name the hosts it may be called by in {PREFIX}ALLOWED_HOSTS"
            )
        return settings


KNOWN_VARIABLES = frozenset(
    PREFIX + name.upper() for name in ServiceSettings.model_fields if name != "port"
)


def reject_unknown_variables(environment: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a variable with our prefix that nothing reads."""
    for name in sorted(environment):
        if name.startswith(SIMULATOR_PREFIX) or not name.startswith(PREFIX):
            continue
        if name not in KNOWN_VARIABLES:
            raise ConfigurationError(f"unknown environment variable {name}")
