"""The .NET benchmark backend: the shared benchmark service around the .NET agent."""

__all__: list[str] = []
