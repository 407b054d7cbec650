"""Which split a sample belongs to, decided by a text key and nothing else: no seed, no order, no other sample."""

from collections.abc import Mapping
from hashlib import sha256


def fraction(key: str) -> float:
    """Where a key falls between 0 and 1: the first eight bytes of its SHA-256 as a part of 2**64."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big") / 2**64


def assign(key: str, shares: Mapping[str, float]) -> str:
    """The split of a key.

    The splits lie one after the other on the way from 0 to 1, each as long as its share; the last takes what rounding
    leaves.

    Args:
        key: samples with the same key always come into the same split.
        shares: split -> share, in order; they add up to 1.
    """
    at = fraction(key)
    end = 0.0
    for split, share in shares.items():
        end += share
        if at < end:
            return split
    return split
