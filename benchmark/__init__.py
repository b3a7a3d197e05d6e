"""The benchmark service that both backends share; a backend adds only its agent's launcher.

Reading order: `app` → `routes` → `runs` (one active run) → `session` (its life) → `bridge` (the
agent process) → `sample_log` and `metrics` (its figures).
"""

__all__: list[str] = []
