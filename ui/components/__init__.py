"""Functions and small classes that draw; they take data and callbacks and know no route."""

__all__: list[str] = []
