"""The Python agent process: Microsoft Agent Framework on the `ollama` client.

Reading order: `__main__` → `server` (protocol) → `run_loop` (modes) → `iteration` (the timed
region) → `caller` and `flavours` (how the model is asked) → `transport` (what the HTTP exchange
took) → `replies` (what the server said) → `samples`.
"""

__all__: list[str] = []
