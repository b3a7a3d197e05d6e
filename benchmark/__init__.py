"""The benchmark service that both backends share; a backend adds only its agent's launcher.

Reading order: `app` → `routes` → `runs` (which runs are open) → `session` (the life of one) →
`blocks` (what is asked for) → `agents` and `bridge` (the agent processes) → `warm_up` →
`sample_log`, `metrics` and `figures` (what came of it).
"""

__all__: list[str] = []
