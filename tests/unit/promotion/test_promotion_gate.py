"""The gate, on evidence whose numbers are chosen by hand."""

import numpy as np
import pytest

from encdec.evaluation.bootstrap import Interval
from encdec.evaluation.comparison import Comparison
from encdec.metrics.scores import Metric
from encdec.params.promotion import ModelGate, Promotion
from encdec.params.root import MODEL_NAMES
from encdec.promotion.behaviour import Behaviour
from encdec.promotion.gate import Check, Evidence, Forgot, RolledBack, Validation, judge
from encdec.promotion.latency import Latency

ACCURACY = Metric("accuracy", lambda columns: float(np.mean(columns["correct"])), higher_is_better=True)
NLL = Metric("nll", lambda columns: float(np.mean(columns["nll"])), higher_is_better=False)
GATE = ModelGate(floors={"accuracy": 0.9, "nll": 0.3}, margin=0.02, latency_ms=10.0, size_mb=1.0)


def compared(metric: Metric, value: float, difference: tuple[float, float, float] | None) -> Comparison:
    champion = Interval(*(value - each for each in difference)) if difference else None
    gap = Interval(*difference) if difference else None
    return Comparison(metric, Interval(value, value, value), "champion", champion, gap, None)


def evidence(
    *,
    accuracy: float = 0.95,
    nll: float = 0.2,
    difference: tuple[float, float, float] | None = (0.01, -0.01, 0.03),
) -> Evidence:
    return Evidence(
        comparisons=(compared(ACCURACY, accuracy, difference), compared(NLL, nll, None)),
        rows=100,
        champion=3 if difference else None,
        incomparable=None,
        replace_incomparable=False,
        validation=Validation(success=True, errors=0, warnings=0, rows=1000),
        latency=Latency(1.0, 2.0, 100),
        latency_champion=None,
        size_mb=0.5,
        behaviour=Behaviour(("test_a",), (), None),
    )


def rules(rule: str = "not_worse") -> Promotion:
    common = {
        "rule": rule,
        "resamples": 100,
        "confidence": 0.95,
        "min_rows": 100,
        "latency_rows": 10,
        "behaviour": True,
    }
    return Promotion.model_validate({**common, "models": dict.fromkeys(MODEL_NAMES, GATE)})


def by_name(found: Evidence, rule: str = "not_worse") -> dict[str, Check]:
    return {check.name: check for check in judge(found, rules(rule), GATE)}


def failed(found: Evidence, rule: str = "not_worse") -> list[str]:
    return [check.name for check in by_name(found, rule).values() if not check.passed]


def test_good_evidence_passes_every_check() -> None:
    assert failed(evidence()) == []
    names = ["floor: accuracy", "floor: nll", "champion", "validation", "latency", "size", "behaviour"]
    assert list(by_name(evidence())) == names


@pytest.mark.parametrize(
    ("accuracy", "nll", "expected"),
    [(0.9, 0.3, []), (0.899, 0.3, ["floor: accuracy"]), (0.9, 0.301, ["floor: nll"])],
)
def test_a_floor_is_the_least_or_the_most_by_the_metrics_direction(
    accuracy: float, nll: float, expected: list[str]
) -> None:
    assert failed(evidence(accuracy=accuracy, nll=nll)) == expected


@pytest.mark.parametrize(
    ("low", "rule", "passes"),
    [
        (-0.02, "not_worse", True),  # the margin itself
        (-0.021, "not_worse", False),
        (0.001, "better", True),
        (0.0, "better", False),  # no difference is not better
        (-0.01, "better", False),
    ],
)
def test_the_lower_end_of_the_gain_decides(low: float, rule: str, passes: bool) -> None:
    found = evidence(difference=(0.01, low, 0.03))
    assert (failed(found, rule) == []) is passes
    assert by_name(found, rule)["champion"].value == low
    assert by_name(found, rule)["champion"].limit == (-0.02 if rule == "not_worse" else 0.0)


def test_where_lower_is_better_a_smaller_number_is_a_gain() -> None:
    # nll of 0.2, which is 0.1 below the champion's, from 0.15 to 0.05 below: a gain of 0.05 at least
    found = evidence()._replace(comparisons=(compared(NLL, 0.2, (-0.1, -0.15, -0.05)), compared(ACCURACY, 0.95, None)))
    check = by_name(found, "better")["champion"]
    assert check.passed
    assert check.value == 0.05
    assert "gain in nll over version 3: +0.10 [0.05, 0.15] at 95 % confidence" in check.reason


def test_without_a_champion_the_other_checks_decide() -> None:
    check = by_name(evidence(difference=None))["champion"]
    assert check.passed
    assert check.reason.startswith("there is no champion")
    assert failed(evidence(difference=None, accuracy=0.5)) == ["floor: accuracy"]


def test_a_champion_that_cannot_be_compared_is_replaced_only_where_it_is_asked_for() -> None:
    found = evidence()._replace(incomparable="it reads other images")
    assert failed(found) == ["champion"]
    assert "--replace-incomparable" in by_name(found)["champion"].reason
    assert failed(found._replace(replace_incomparable=True)) == []


def test_every_failure_is_named_at_once() -> None:
    bad = evidence(accuracy=0.1, nll=9.0, difference=(-0.5, -0.6, -0.4))._replace(
        validation=Validation(success=False, errors=2, warnings=1, rows=1000),
        latency=Latency(5.0, 10.1, 100),
        latency_champion=Latency(1.0, 1.5, 100),
        size_mb=1.01,
        behaviour=Behaviour((), ("test_it_knows_a_seven",), None),
    )
    checks = by_name(bad)
    assert failed(bad) == list(checks)
    assert "2 failed checks of severity error, 1 of severity warning failed" in checks["validation"].reason
    assert (
        "10.1 ms at the 95th percentile of 100, and may take 10 ms; the champion's is 1.50 ms"
        in checks["latency"].reason
    )
    assert checks["size"].reason == "the model's folder has 1.01 MB, and may have 1 MB"
    assert checks["behaviour"].reason == "1 of 1 behavioural tests failed: it knows a seven"


def test_behaviour_that_could_not_be_tried_refuses_with_its_reason() -> None:
    found = evidence()._replace(behaviour=Behaviour((), (), "pytest is not installed"))
    assert failed(found) == ["behaviour"]
    assert "behaviour" not in by_name(evidence()._replace(behaviour=None)), "switched off in params.yaml"


def test_a_floor_for_an_unknown_metric_is_a_mistake() -> None:
    gate = GATE.model_copy(update={"floors": {"acuracy": 0.9}})
    with pytest.raises(ValueError, match=r"floors name acuracy, but it has accuracy, nll"):
        judge(evidence(), rules(), gate)


def test_a_candidate_of_other_data_is_refused_unless_it_is_allowed() -> None:
    found = evidence()
    other = found.validation._replace(other_data="was trained on another data/train (1234) than there is now (5678)")
    assert failed(found._replace(validation=other)) == ["validation"]
    reason = by_name(found._replace(validation=other))["validation"].reason
    assert "was trained on another data/train (1234)" in reason
    assert reason.endswith("so it may have seen these test rows: --other-data allows it")
    assert failed(found._replace(validation=other._replace(allow_other_data=True))) == []
    assert failed(found._replace(validation=other._replace(allow_other_data=True, success=False))) == ["validation"]


def test_what_was_rolled_back_is_refused_unless_it_is_asked_for_again() -> None:
    taken = RolledBack(2, "2026-11-22 03:21:15 UTC", "too many sevens", again=False)
    check = by_name(evidence()._replace(rolled_back=taken))["rolled back"]
    assert failed(evidence()._replace(rolled_back=taken)) == ["rolled back"]
    told = "version 2 of these weights was rolled back at 2026-11-22 03:21:15 UTC (too many sevens): "
    assert check.reason == told + "--again promotes it all the same"
    again = by_name(evidence()._replace(rolled_back=taken._replace(again=True)))["rolled back"]
    assert again.passed
    assert again.reason == told + "promoted again, as asked"
    lost = by_name(evidence()._replace(rolled_back=RolledBack(2, "", "", again=False)))["rolled back"]
    assert lost.reason == "version 2 of these weights was rolled back: --again promotes it all the same"


def test_what_a_retraining_refused_on_the_rows_of_before_is_refused_unless_it_is_asked_for() -> None:
    told = "refused by the retraining of run abc: gain in accuracy −0.78 [−0.92, −0.65]: "
    found = evidence()._replace(forgot=Forgot("abc", "gain in accuracy −0.78 [−0.92, −0.65]", again=False))
    assert failed(found) == ["retraining"]
    assert by_name(found)["retraining"].reason == told + "--again promotes it all the same"
    again = by_name(evidence()._replace(forgot=Forgot("abc", "gain in accuracy −0.78 [−0.92, −0.65]", again=True)))
    assert again["retraining"].passed
    assert again["retraining"].reason == told + "promoted all the same, as asked"


def test_a_champion_is_not_replaced_on_a_handful_of_rows() -> None:
    """Where no row differs, the interval of a bootstrap has no width, however few rows there are."""
    few = evidence(difference=(0.0, 0.0, 0.0))._replace(rows=99)
    assert failed(few) == ["champion"]
    assert "99 test rows are too few to compare on: promotion.min_rows asks for 100" in by_name(few)["champion"].reason
    assert failed(few._replace(champion=None)) == []
    assert failed(few._replace(rows=100)) == []


@pytest.mark.parametrize("rule", ["not_worse", "better"])
def test_a_champion_of_other_data_is_told(rule: str) -> None:
    found = evidence()._replace(champion_data="was trained on another data/train")
    reason = by_name(found, rule)["champion"].reason
    assert reason.endswith("the champion was trained on another data/train: that may favour it")


def test_a_champion_whose_metric_is_not_a_number_is_incomparable() -> None:
    nothing = Interval(*[float("nan")] * 3)
    broken = Comparison(ACCURACY, Interval(0.95, 0.9, 1), "champion", nothing, nothing, None)
    found = evidence()._replace(comparisons=(broken, compared(NLL, 0.2, None)))
    assert failed(found) == ["champion"]
    assert "version 3 cannot be compared: its accuracy is not a number" in by_name(found)["champion"].reason
    assert failed(found._replace(replace_incomparable=True)) == []
