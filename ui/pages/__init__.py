"""One file per route: wiring only. Pages know routes, components draw, state thinks."""

from ..feed import Feed
from . import counter, dashboard, home, weather

__all__ = ["register"]


def register(feed: Feed) -> None:
    """Register every page; what they share comes from `feed`."""
    home.register(feed)
    dashboard.register(feed)
    counter.register(feed)
    weather.register(feed)
