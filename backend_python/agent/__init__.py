"""The Python agent process: Microsoft Agent Framework on the `ollama` client.

Reading order: `__main__` → `server` (protocol) → `run_loop` (modes) → `iteration` (the timed
region) → `transport` (what the HTTP exchange took) → `replies` (what the server said).
"""

__all__: list[str] = []
