"""The command `perfcompare`."""

from .entry import main

__all__ = ["main"]
