"""When the calls of an open loop are due, derived alike in every language."""

import hashlib
import math


def arrival_gap_s(seed: int, number: int, *, rate_per_second: float) -> float:
    """Return the gap in seconds before arrival `number` (from 1) of a Poisson process.

    −ln(1 − u) / rate with u = the first 53 bits of SHA-256("arrivals:seed:number") / 2⁵³
    (inversion of the exponential distribution).
    """
    digest = hashlib.sha256(f"arrivals:{seed}:{number}".encode()).digest()
    uniform = (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    return -math.log(1 - uniform) / rate_per_second
