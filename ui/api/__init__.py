"""The REST API of the web service."""

from .comparisons import comparison_router
from .registry import Comparisons
from .routes import api_router, refuse_unknown

__all__ = ["Comparisons", "api_router", "comparison_router", "refuse_unknown"]
