"""A comparison with every number and reason, as it is kept: monitor.json, the page and the tags are made of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from encdec.monitoring.correction import corrected
from encdec.monitoring.finding import Bars, Family, Finding, Histogram, Record
from encdec.monitoring.two_samples import PSI
from encdec.params.monitoring import Monitoring
from encdec.params.root import Kind
from encdec.report.numbers import significant

Verdict = Literal["none", "drift", "invalid"]


class Judged(Record):
    """One test; it raises the alarm where `corrected_p` is at most the rate. `p` is not corrected."""

    family: str
    name: str
    statistic: str
    value: float
    p: float
    corrected_p: float
    drifted: bool
    effect: str
    size: float
    reference_rows: int
    batch_rows: int
    sentence: str
    shape: Histogram | Bars | None


class Group(Record):
    """A family with its share of the rate and the least corrected p-value of its tests."""

    name: str
    asks: str
    alpha: float
    num_tests: int
    num_drifted: int
    least_p: float
    drifted: bool


class Remarkable(Record):
    """A row of the batch that a model finds hardest; `text`: of a pair source and answer."""

    what: str
    name: str
    value: float
    text: str


class Given(Record):
    """What was compared."""

    path: str
    digest: str
    rows: int
    labelled: bool
    predictions: str | None


class Known(Record):
    """A folder that it was compared with, and for what."""

    path: str
    digest: str
    used_for: str


class Missing(Record):
    what: str
    why: str


class Result(Record):
    """`problems`: why the batch is invalid; then nothing was compared. `remarks`: what is odd but no error."""

    verdict: Verdict
    sentence: str
    kind: Kind
    source: str
    batch: Given
    reference: tuple[Known, ...]
    left_out: tuple[Missing, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    families: tuple[Group, ...]
    tests: tuple[Judged, ...]
    rows: tuple[Remarkable, ...]
    rules: Mapping[str, object]
    surroundings: Mapping[str, str]

    @property
    def drifted(self) -> tuple[Judged, ...]:
        """The surest first."""
        return tuple(sorted((test for test in self.tests if test.drifted), key=lambda test: test.corrected_p))

    def surest(self, most: int) -> tuple[Judged, ...]:
        """Of what has drifted at most so many of each family, so that one of many tests does not hide the others."""
        seen: Counter[str] = Counter()
        chosen = []
        for test in self.drifted:
            seen[test.family] += 1
            if seen[test.family] <= most:
                chosen.append(test)
        return tuple(chosen)

    def text(self) -> str:
        """The JSON: keys in the order of the classes, two spaces, a last newline."""
        return self.model_dump_json(indent=2) + "\n"


def judge(families: Sequence[Family], *, rate: float, psi_large: float) -> tuple[tuple[Group, ...], tuple[Judged, ...]]:
    """Every test corrected for all of them, so that at most `rate` of batches without a shift have one that drifted."""
    groups, tests = [], []
    for family, p_values in zip(families, corrected(families), strict=True):
        judged = [
            judge_one(family, finding, float(p), rate=rate, psi_large=psi_large)
            for finding, p in zip(family.findings, p_values, strict=True)
        ]
        tests += judged
        drifted = sum(test.drifted for test in judged)
        groups.append(
            Group(
                name=family.name,
                asks=family.asks,
                alpha=rate / len(families),
                num_tests=len(judged),
                num_drifted=drifted,
                least_p=float(p_values.min()),
                drifted=drifted > 0,
            )
        )
    return tuple(groups), tuple(tests)


def judge_one(family: Family, finding: Finding, p: float, *, rate: float, psi_large: float) -> Judged:
    large = " (large)" if finding.effect == PSI and finding.size >= psi_large else ""
    return Judged(
        family=family.name,
        name=finding.name,
        statistic=finding.statistic,
        value=finding.value,
        p=finding.p,
        corrected_p=p,
        drifted=p <= rate,
        effect=finding.effect,
        size=finding.size,
        reference_rows=finding.reference_rows,
        batch_rows=finding.batch_rows,
        sentence=f"{finding.name}: {finding.said}; {finding.effect} {significant(finding.size, 2)}{large}.",
        shape=finding.shape,
    )


def sentence_of(
    verdict: Verdict,
    *,
    batch: Given,
    groups: Sequence[Group],
    tests: Sequence[Judged],
    rules: Monitoring,
    problems: int,
) -> str:
    """The verdict in one or two sentences."""
    rows = f"{batch.rows:,} rows"
    match verdict:
        case "invalid":
            reasons = "1 reason" if problems == 1 else f"{problems:,} reasons"
            return f"{batch.path}: the data are invalid ({reasons}), so nothing was compared."
        case "drift":
            names = ", ".join(group.name for group in groups if group.drifted)
            drifted = sum(test.drifted for test in tests)
            return f"{batch.path} ({rows}) has shifted: {drifted} of {len(tests)} tests say so ({names})."
        case "none":
            return (
                f"{batch.path} ({rows}) shows no shift in {len(tests)} tests of {len(groups)} families; "
                f"the rate of false alarms is at most {rules.false_alarm_rate:g}."
            )
