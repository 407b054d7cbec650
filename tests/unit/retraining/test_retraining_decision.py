"""Each case of the policy with its sentence: why it does or does not retrain."""

from datetime import UTC, datetime, timedelta

import pytest

from encdec.params.retraining import Retraining
from encdec.retraining.changes import Change
from encdec.retraining.decision import Earlier, Facts, History, NewData, Same, decide
from encdec.retraining.monitored import Monitored

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALL = ("schedule", "new_data", "data", "drift", "code", "parameters")
DRIFT = Monitored("drift", "5 of 8 features moved", None)
CODE, BETA = Change("code", "src/encdec/nn"), Change("parameters", "models.vae.beta")
IMAGES = Change("data", "data/00_source/images")
MANY, FEW = NewData("images", 1200, replaces=False), NewData("images", 8, replaces=False)
TRAINED = Earlier("run 4b05559d", NOW - timedelta(days=2))


def policy(**changed):
    values = {"triggers": ALL, "min_new_rows": 20, "cooldown_hours": 0.0, "per_week": 9, "hours": 1.0, "remote": False}
    return Retraining(**{**values, **changed})


def facts(*changes, new=None, monitored=None, scheduled=False, forced=False):
    return Facts(changes, new, monitored, scheduled, forced)


NEW_ROWS = "Retraining: new data (1,200 rows of images)."
CASES = [
    (facts(), {}, False, "Not retraining: nothing changed since run 4b05559d of 2026-11-20."),
    (facts(scheduled=True), {}, False, "Not retraining: nothing changed since run 4b05559d of 2026-11-20."),
    (facts(new=MANY), {}, True, "Retraining: new data (1,200 rows of images)."),
    (
        facts(BETA, IMAGES, new=MANY), {}, True,
        "Retraining: new data (1,200 rows of images) and a changed parameter (models.vae.beta).",
    ),
    (
        facts(new=NewData("pairs", 1, replaces=True)), {"min_new_rows": 1}, True,
        "Retraining: data in place of the old (1 row of pairs).",
    ),
    (facts(IMAGES), {}, True, "Retraining: changed data (data/00_source/images)."),
    (facts(CODE), {}, True, "Retraining: changed code (src/encdec/nn)."),
    (
        facts(*(Change("code", f"src/{letter}") for letter in "abcde")), {}, True,
        "Retraining: changed code (src/a, src/b, src/c and 2 more).",
    ),
    (
        facts(BETA, Change("parameters", "seed")), {}, True,
        "Retraining: changed parameters (models.vae.beta, seed).",
    ),
    (
        facts(Change("first", "train@cnn")), {"triggers": ()}, True,
        "Retraining: nothing was trained yet here (train@cnn).",
    ),
    (
        facts(Change("outs", "data/05_models/cnn")), {"triggers": ()}, True,
        "Retraining: results that are not those of dvc.lock (data/05_models/cnn).",
    ),
    (facts(new=FEW), {}, False, "Not retraining: 8 new rows, and retraining.min_new_rows asks for 20."),
    (facts(new=FEW, scheduled=True), {}, True, "Retraining on schedule: new data (8 rows of images)."),
    (
        facts(new=FEW, monitored=DRIFT), {}, True,
        "Retraining: new data (8 rows of images) and drift (5 of 8 features moved).",
    ),
    (
        facts(monitored=DRIFT), {}, False,
        "Not retraining: there is drift (5 of 8 features moved), but no new data to learn from: nothing changed since "
        "run 4b05559d of 2026-11-20; give some with --batch, or --force it.",
    ),
    (
        facts(monitored=DRIFT, forced=True), {}, True,
        "Retraining: drift (5 of 8 features moved) and forced, though nothing changed.",
    ),
    (facts(new=MANY, monitored=Monitored("none", "as ever", None)), {}, True, NEW_ROWS),
    (facts(forced=True), {}, True, "Retraining: forced, though nothing changed."),
    (facts(new=FEW, forced=True), {}, True, "Retraining: new data (8 rows of images) and forced."),
    (
        facts(CODE), {"triggers": ("new_data",)}, False,
        "Not retraining: changed code (src/encdec/nn), but retraining.triggers does not name code.",
    ),
    (
        facts(CODE, new=MANY), {"triggers": ("new_data",)}, True,  # dvc takes up the code as well, and so it is told
        "Retraining: new data (1,200 rows of images) and changed code (src/encdec/nn).",
    ),
    (
        facts(new=FEW, monitored=DRIFT), {"triggers": ("new_data",)}, False,
        "Not retraining: 8 new rows, and retraining.min_new_rows asks for 20.",
    ),
    (
        facts(CODE, scheduled=True), {"triggers": ("schedule",)}, True,
        "Retraining on schedule: changed code (src/encdec/nn).",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "changed", "retrain", "sentence"), CASES, ids=[case[3] for case in CASES])
def test_a_decision_and_its_sentence(found, changed, retrain, sentence):
    decision = decide(found, policy(**changed), History(TRAINED, None, 0), now=NOW)
    assert (decision.retrain, decision.sentence) == (retrain, sentence)


@pytest.mark.parametrize(
    ("found", "waits"),
    [
        (facts(new=MANY), True),
        (facts(IMAGES), True),
        (facts(new=MANY, scheduled=True), True),
        (facts(new=MANY, monitored=DRIFT), True),
        (facts(new=MANY, forced=True), False),
        (facts(CODE, new=MANY), False),
        (facts(BETA), False),
    ],
)
def test_data_wait_for_the_cooldown_and_what_a_person_did_does_not(found, waits):
    three_hours_ago = Earlier("run 4b05559d", NOW - timedelta(hours=3))
    history = History(TRAINED, three_hours_ago, 1)
    decision = decide(found, policy(cooldown_hours=24.0), history, now=NOW)
    assert decision.retrain is not waits
    if waits:
        told = "the last retraining (run 4b05559d) was 3.0 hours ago, and retraining.cooldown_hours asks for 24."
        assert decision.sentence.endswith(told)
    assert decide(found, policy(cooldown_hours=2.9), history, now=NOW).retrain


def test_the_budget_of_a_week_is_kept():
    history = History(TRAINED, TRAINED, 2)
    assert decide(facts(new=MANY), policy(per_week=3), history, now=NOW).retrain
    decision = decide(facts(new=MANY), policy(per_week=2), history, now=NOW)
    assert decision.sentence == (
        "Not retraining: new data (1,200 rows of images), but there were 2 retrainings in seven days, and "
        "retraining.per_week allows 2."
    )
    assert decide(facts(new=MANY, forced=True), policy(per_week=2), history, now=NOW).retrain


def test_without_any_run_nothing_is_said_of_one():
    assert decide(facts(), policy(), History(None, None, 0), now=NOW).sentence == "Not retraining: nothing changed."


def test_what_another_machine_did_already_is_not_done_again():
    same = Same("4b05559d00", "run 4b05559d", NOW - timedelta(hours=1), "refused")
    history = History(TRAINED, TRAINED, 1, same)
    decision = decide(facts(new=MANY, scheduled=True), policy(), history, now=NOW)
    assert not decision.retrain
    assert decision.done == same
    assert decision.sentence == (
        "Not retraining: run 4b05559d of 2026-11-22 was given the same data, parameters and code, and came to its end "
        "(refused): its results are here again, and --force makes them anew."
    )
    assert decide(facts(new=MANY, forced=True), policy(), history, now=NOW).retrain
    assert decide(facts(), policy(), history, now=NOW).sentence.startswith("Not retraining: nothing changed since")
