"""What the pages show, as plain values: no module in here draws anything."""

__all__: list[str] = []
