"""What every service needs alike: settings, logs, telemetry, health, security, serving.

Import the submodules; this package re-exports nothing, so that a process loads only what it uses.
"""

__all__: list[str] = []
