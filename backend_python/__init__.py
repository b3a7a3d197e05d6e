"""The Python benchmark backend: the shared benchmark service around the Python agent."""

__all__: list[str] = []
