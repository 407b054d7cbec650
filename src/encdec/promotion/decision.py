"""A decision with every number and reason, as it is kept: decision.json, the page and the tags are made of it."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from encdec.evaluation.bootstrap import Interval
from encdec.evaluation.comparison import Comparison, gain_of
from encdec.promotion.gate import Check


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bounds(Record):
    """A number with its confidence interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> Self:
        return cls(**interval._asdict())


class MetricLine(Record):
    """A metric of both on the same rows; `gain` is above 0 where the candidate is better. None without a champion."""

    metric: str
    higher_is_better: bool
    candidate: Bounds
    champion: Bounds | None
    gain: Bounds | None


class Version(Record):
    """A version in the registry; `number` is None in a dry run that has not registered it."""

    number: int | None
    digest: str | None
    run_id: str | None
    commit: str | None


class MeasuredOn(Record):
    """The rows that everything was measured on."""

    path: str
    digest: str
    rows: int
    unit: str


class Aliases(Record):
    """Where the aliases pointed before, and where the decision puts them; None: nowhere."""

    champion: int | None
    previous: int | None
    challenger: int | None


class Decision(Record):
    """`accepted`: whether the champion moves. `checks`, `metrics` and `test` are empty for a rollback."""

    action: Literal["promote", "rollback"]
    model: str
    accepted: bool
    sentence: str
    note: str | None
    candidate: Version
    champion: Version | None
    checks: tuple[Check, ...]
    metrics: tuple[MetricLine, ...]
    test: MeasuredOn | None
    rules: Mapping[str, object]
    before: Aliases
    after: Aliases
    undo: str | None
    surroundings: Mapping[str, str]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def reasons(self) -> str:
        """Of a refusal what failed, of an acceptance what it was held against."""
        if not self.accepted and not self.failed:
            return self.sentence
        return "; ".join(check.reason for check in self.failed or self.checks) or self.sentence

    def text(self) -> str:
        """The JSON: keys in the order of the classes, two spaces, a last newline."""
        return self.model_dump_json(indent=2) + "\n"


class Verdict(NamedTuple):
    """How a decision is told: the word and the class of its colour."""

    word: str
    kind: Literal["passed", "error"]


def verdict(decision: Decision) -> Verdict:
    if not decision.accepted and not decision.failed:  # somebody else was quicker
        return Verdict("not moved", "error")
    if decision.action == "rollback":
        return Verdict("rolled back", "passed")
    return Verdict("accepted", "passed") if decision.accepted else Verdict("refused", "error")


def metric_lines(comparisons: Sequence[Comparison]) -> tuple[MetricLine, ...]:
    lines = []
    for found in comparisons:
        gain = gain_of(found)
        lines.append(
            MetricLine(
                metric=found.metric.name,
                higher_is_better=found.metric.higher_is_better,
                candidate=Bounds.of(found.model),
                champion=Bounds.of(found.baseline) if found.baseline else None,
                gain=Bounds.of(gain) if gain else None,
            )
        )
    return tuple(lines)
