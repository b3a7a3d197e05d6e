"""Vectors for texts: the same text gets the same one."""

import hashlib
import math
from array import array

__all__ = ["unit_vector", "vector"]

_DIGITS = 8
"""About what a 32-bit number holds."""


def vector(text: str, dimensions: int) -> list[float]:
    """`dimensions` numbers around 0, whose length is not 1."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(2 * dimensions)
    return [round(number / 8_192, _DIGITS) for number in array("h", digest)]


def unit_vector(text: str, dimensions: int) -> list[float]:
    """The first `dimensions` numbers of the text's vector, scaled to a length of 1."""
    numbers = vector(text, dimensions)
    length = math.hypot(*numbers)
    return [round(number / length, _DIGITS) for number in numbers]
