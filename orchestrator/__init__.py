"""Launches every service, watches it, shows it and stops it.

Reading order: `apphost` (the diagram), `model`, `plan`, `supervisor`. Submodules are imported one
by one, so that `up` loads only what it uses.
"""

__all__: list[str] = []
