"""The REST API of the web service."""

from .comparisons import ComparisonApi
from .registry import Comparisons
from .routes import api_router, refuse_unknown

__all__ = ["ComparisonApi", "Comparisons", "api_router", "refuse_unknown"]
