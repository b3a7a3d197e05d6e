"""The REST API of the web service."""

from .routes import api_router, refuse_unknown

__all__ = ["api_router", "refuse_unknown"]
