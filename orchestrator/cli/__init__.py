"""The command `perfcompare`."""

from .commands import main

__all__ = ["main"]
