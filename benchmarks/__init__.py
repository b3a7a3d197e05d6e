"""What the product promises about itself, measured; `make bench` runs all of it."""

__all__: list[str] = []
