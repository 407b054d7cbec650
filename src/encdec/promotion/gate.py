"""The gate: what was found out about a candidate -> one check for each demand. Nothing is read or written here."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

from encdec.evaluation.bootstrap import Interval
from encdec.evaluation.comparison import Comparison, gain_of
from encdec.params.promotion import ModelGate, Promotion
from encdec.promotion.behaviour import Behaviour
from encdec.report.numbers import signed, significant, with_interval

if TYPE_CHECKING:  # torch: a decision is read without it
    from encdec.promotion.latency import Latency

NAMED_AT_MOST = 3


class Check(BaseModel):
    """One demand: the number that was found, the number that it is held against, and both in a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    passed: bool
    value: float | None
    limit: float | None
    reason: str


class Validation(NamedTuple):
    """What data/02_validation says: failed checks of severity error and of severity warning, on so many rows.

    `other_data`: why the test rows may be among those that the candidate was trained on; None: it was trained on the
    training rows that belong to them. `allow_other_data`: a person takes that upon themselves.
    """

    success: bool
    errors: int
    warnings: int
    rows: int
    other_data: str | None = None
    allow_other_data: bool = False


class RolledBack(NamedTuple):
    """That somebody took the candidate back: when, and what was said then; "" where nobody knows any more.

    `again`: a person promotes it all the same.
    """

    version: int
    at: str
    why: str
    again: bool


class Forgot(NamedTuple):
    """That a retraining refused the candidate on the test rows of the commit before: in which run, and why.

    `again`: a person promotes it all the same.
    """

    run_id: str
    why: str
    again: bool


class Evidence(NamedTuple):
    """All that the gate judges by.

    `rows`: of the test split. `champion`: the version, None where there is none. `incomparable`: why it could not be
    measured.
    `champion_data`: why the champion may have trained on test rows, for the sentence.
    `latency_champion`: for the sentence. `behaviour`: None where it is switched off.
    `rolled_back`: None where it was not, or where it has been in use again since. `forgot`: None where no retraining
    said so, or where a later one did not.
    """

    comparisons: Sequence[Comparison]
    rows: int
    champion: int | None
    incomparable: str | None
    replace_incomparable: bool
    validation: Validation
    latency: "Latency"
    latency_champion: "Latency | None"
    size_mb: float
    behaviour: Behaviour | None
    champion_data: str | None = None
    rolled_back: RolledBack | None = None
    forgot: Forgot | None = None


def judge(evidence: Evidence, rules: Promotion, gate: ModelGate) -> tuple[Check, ...]:
    """Every check, also after one that failed, so that the decision names every reason.

    Raises:
        ValueError: a floor names a metric that the model does not have.
    """
    return (
        *rolled_back(evidence.rolled_back),
        *forgot(evidence.forgot),
        *floors(evidence.comparisons, gate.floors),
        against_champion(evidence, rules, gate),
        validation(evidence.validation),
        latency(evidence, gate.latency_ms),
        size(evidence.size_mb, gate.size_mb),
        *behaviour(evidence.behaviour),
    )


def rolled_back(found: RolledBack | None) -> Iterator[Check]:
    """Nothing for what nobody took back. The other checks passed already when it became the champion."""
    if found is None:
        return
    when = f" at {found.at}" if found.at else ""
    why = f" ({found.why})" if found.why else ""
    tail = "promoted again, as asked" if found.again else "--again promotes it all the same"
    reason = f"version {found.version} of these weights was rolled back{when}{why}: {tail}"
    yield Check(name="rolled back", passed=found.again, value=None, limit=None, reason=reason)


def forgot(found: Forgot | None) -> Iterator[Check]:
    """New test rows may be easy; the gate sees those of now alone."""
    if found is None:
        return
    tail = "promoted all the same, as asked" if found.again else "--again promotes it all the same"
    reason = f"refused by the retraining of run {found.run_id}: {found.why}: {tail}"
    yield Check(name="retraining", passed=found.again, value=None, limit=None, reason=reason)


def floors(comparisons: Sequence[Comparison], limits: Mapping[str, float]) -> Iterator[Check]:
    found = {each.metric.name: each for each in comparisons}
    check_floors(limits, tuple(found))
    for name, limit in limits.items():
        metric, value = found[name].metric, found[name].model.value
        passed = value >= limit if metric.higher_is_better else value <= limit
        bound = "least" if metric.higher_is_better else "most"
        reason = f"{name} is {significant(value)}, and must be at {bound} {limit:g}"
        yield Check(name=f"floor: {name}", passed=passed, value=value, limit=limit, reason=reason)


def check_floors(limits: Mapping[str, float], metrics: Sequence[str]) -> None:
    """Raises ValueError where a floor names a metric that the model does not have."""
    unknown = sorted(limits.keys() - set(metrics))
    if unknown:
        raise ValueError(
            f"params.yaml: promotion.models: floors name {', '.join(unknown)}, but it has {', '.join(metrics)}"
        )


def against_champion(evidence: Evidence, rules: Promotion, gate: ModelGate) -> Check:
    name = "champion"
    if evidence.champion is None:
        reason = "there is no champion to compare with: the other checks decide"
        return Check(name=name, passed=True, value=None, limit=None, reason=reason)
    headline = evidence.comparisons[0]
    incomparable = evidence.incomparable
    if headline.baseline is not None and math.isnan(headline.baseline.value):
        incomparable = f"its {headline.metric.name} is not a number"
    if incomparable is not None:
        allowed = evidence.replace_incomparable
        tail = "replaced all the same, as asked" if allowed else "--replace-incomparable replaces it all the same"
        reason = f"version {evidence.champion} cannot be compared: {incomparable}; {tail}"
        return Check(name=name, passed=allowed, value=None, limit=None, reason=reason)
    if evidence.rows < rules.min_rows:
        reason = (
            f"{evidence.rows:,} test rows are too few to compare on: promotion.min_rows asks for {rules.min_rows:,}"
        )
        return Check(name=name, passed=False, value=float(evidence.rows), limit=float(rules.min_rows), reason=reason)
    gain = gain_of(headline)
    if gain is None:
        raise ValueError(f"champion version {evidence.champion} was not measured")
    limit = -gate.margin if rules.rule == "not_worse" else 0.0
    passed = gain.low >= limit if rules.rule == "not_worse" else gain.low > limit
    return Check(
        name=name, passed=passed, value=gain.low, limit=limit, reason=gain_sentence(evidence, rules, gain, limit)
    )


def gain_sentence(evidence: Evidence, rules: Promotion, gain: Interval, limit: float) -> str:
    told = f"gain in {evidence.comparisons[0].metric.name} over version {evidence.champion}"
    shown = f"{with_interval(*gain, plus=True)} at {rules.confidence * 100:g} % confidence"
    data = f"; the champion {evidence.champion_data}: that may favour it" if evidence.champion_data else ""
    if rules.rule == "better":
        return f"{told}: {shown}; the whole interval must lie above 0{data}"
    return f"{told}: {shown}; its lower end must be {signed(f'{limit:g}')} or more{data}"


def validation(found: Validation) -> Check:
    warnings = f", {found.warnings} of severity warning failed" if found.warnings else ""
    elsewhere = ""
    if found.other_data is not None:
        tail = "allowed, as asked" if found.allow_other_data else "--other-data allows it"
        elsewhere = f"; the candidate {found.other_data}, so it may have seen these test rows: {tail}"
    said = "passed" if found.success else f"has {found.errors} failed checks of severity error"
    reason = f"the suite over the {found.rows:,} rows of the raw data {said}{warnings}{elsewhere}"
    passed = found.success and (found.other_data is None or found.allow_other_data)
    return Check(name="validation", passed=passed, value=float(found.errors), limit=0.0, reason=reason)


def latency(evidence: Evidence, limit: float) -> Check:
    ours, theirs = evidence.latency, evidence.latency_champion
    beside = f"; the champion's is {significant(theirs.p95, 3)} ms" if theirs else ""
    reason = (
        f"one row takes {significant(ours.p50, 3)} ms at the median and {significant(ours.p95, 3)} ms at the 95th "
        f"percentile of {ours.rows}, and may take {limit:g} ms{beside}"
    )
    return Check(name="latency", passed=ours.p95 <= limit, value=ours.p95, limit=limit, reason=reason)


def size(megabytes: float, limit: float) -> Check:
    reason = f"the model's folder has {significant(megabytes, 3)} MB, and may have {limit:g} MB"
    return Check(name="size", passed=megabytes <= limit, value=megabytes, limit=limit, reason=reason)


def behaviour(found: Behaviour | None) -> Iterator[Check]:
    """Nothing where params.yaml switches it off."""
    if found is None:
        return
    if found.problem is not None:
        yield Check(name="behaviour", passed=False, value=None, limit=0.0, reason=found.problem)
        return
    failed, total = len(found.failures), len(found.failures) + len(found.passed)
    shown = "; ".join(told(name) for name in found.failures[:NAMED_AT_MOST])
    more = f" and {failed - NAMED_AT_MOST} more" if failed > NAMED_AT_MOST else ""
    reason = (
        f"{failed} of {total} behavioural tests failed: {shown}{more}"
        if failed
        else f"{total} of {total} behavioural tests passed"
    )
    yield Check(name="behaviour", passed=not failed, value=float(failed), limit=0.0, reason=reason)


def told(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")
