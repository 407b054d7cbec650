"""A rule: one expectation of Great Expectations, the check it belongs to, and how its failure is told."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from great_expectations.expectations.expectation import Expectation

from encdec.params.data import Check, Severity, TolerantCheck

GX_SEVERITY = {"error": "critical", "warning": "warning"}


class Terms(NamedTuple):
    """What a check of params.yaml demands of each of its expectations."""

    check: str
    severity: Severity
    tolerance: float | None

    @classmethod
    def of(cls, check: str, settings: Check) -> "Terms":
        return cls(check, settings.severity, settings.tolerance if isinstance(settings, TolerantCheck) else None)

    @property
    def common(self) -> dict[str, Any]:
        """Arguments of every expectation."""
        return {"severity": GX_SEVERITY[self.severity], "meta": {"check": self.check}}

    @property
    def by_row(self) -> dict[str, Any]:
        """Arguments of an expectation about rows."""
        return self.common | {"mostly": mostly(self.tolerance or 0.0)}


class Twin(NamedTuple):
    """Where the row that this one repeats is found: the same value of `key`, in another split or in its own."""

    key: str
    in_other_split: bool


class Rule(NamedTuple):
    """`expected`: in words. For an expectation about rows, `shown`: the columns to show of a row that fails.

    For one about the whole table, `failures`: what is wrong if it fails, known beforehand, out of `total`.
    """

    terms: Terms
    expectation: Expectation
    expected: str
    shown: tuple[str, ...] = ()
    twin: Twin | None = None
    failures: tuple[Mapping[str, Any], ...] = ()
    total: int = 1


def mostly(tolerance: float) -> float:
    """1 - tolerance in decimals, rounded once: a share of failing rows equal to the tolerance passes, a greater fails.

    (In binary 1 - 0.7 is 0.30000000000000004: then 7 failing rows of 10 would not pass a tolerance of 0.7.)
    """
    return float(1 - Fraction(str(tolerance)))


def within(declared: float, tolerance: float) -> tuple[float, float]:
    """The least and the greatest share no further than `tolerance` from `declared`, in decimals, rounded once."""
    share, slack = Fraction(str(declared)), Fraction(str(tolerance))
    return float(max(Fraction(0), share - slack)), float(min(Fraction(1), share + slack))
