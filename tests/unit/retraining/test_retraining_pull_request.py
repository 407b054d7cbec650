"""The text of a pull request, with names in it that were chosen to do harm."""

import pytest

from encdec.promotion.decision import Bounds, MetricLine
from encdec.retraining.document import DataLine, Document, Judged, Mistake, ParameterLine, Picture, Rows, SliceLine
from encdec.retraining.pull_request import pull_request, summary

EVIL = "](http://evil) <img src=x> @all | `` # *x*"
GAIN = MetricLine(
    metric="accuracy", higher_is_better=True, candidate=Bounds(value=0.9, low=0.85, high=0.95),
    champion=Bounds(value=0.8, low=0.7, high=0.9), gain=Bounds(value=0.1, low=0.05, high=0.15),
)  # fmt: skip


def rows(count):
    return Rows(rows=count, unit="images", metrics=(GAIN,))


def judged(**changed):
    values = {
        "model": "cnn",
        "metric": "accuracy",
        "higher_is_better": True,
        "champion": "version 1, the champion of the registry",
        "fixed": rows(20),
        "new": rows(10),
        "whole": rows(30),
        "slices": (
            SliceLine(name=EVIL, rows=9, before=0.9, after=0.5, gain=-0.4, p=0.001, worse=True),
            SliceLine(name="dog", rows=21, before=0.5, after=0.6, gain=0.1, p=1.0, worse=False),
        ),
        "mistakes": (Mistake(sample=EVIL, new=True, given=None, expected=EVIL, before="dog", after="\u202egod"),),
        "num_mistakes": 1,
        "num_mended": 4,
        "notes": (),
        "recorded": {},
        "fixed_reason": "gain in accuracy: +0.10",
        "fixed_passed": True,
        "gate": None,
        "pictures": (Picture(file="pictures/cnn.png", title="Worst", caption="", alt="one image"),),
        "accepted": True,
        "promoted": False,
        "summary": "cnn would become the champion.",
    }
    return Judged(**{**values, **changed})


def document(**changed):
    values = {
        "format": 1,
        "sentence": "Retraining: new data (30 rows of images).",
        "outcome": "accepted",
        "retrained": True,
        "accepted": True,
        "changed": True,
        "promoted": False,
        "reasons": ("new_data",),
        "texts": ("new data (30 rows of images)",),
        "monitored": None,
        "details": None,
        "base": "0123456789abcdef",
        "batch": None,
        "code": ("src/encdec/nn",),
        "data": (
            DataLine(
                kind="images",
                rows_before=None,
                rows_after=30,
                added=30,
                removed=0,
                rejected=1,
                test_before=None,
                test_after=3,
                classes_added=(EVIL,),
                classes_removed=(),
                warnings=(EVIL,),
            ),
        ),
        "parameters": (ParameterLine(key="images.sources.folder.classes", before="null", after=EVIL),),
        "models": (judged(),),
        "stages": (),
        "restored": (),
        "run_id": "abc",
        "done": None,
        "undo": ("Close it.",),
    }
    return Document(**{**values, **changed})


def test_everything_that_a_reviewer_asks_is_there_in_this_order():
    body = pull_request(document())
    places = [body.index(part) for part in (
        "## Retraining: new data (30 rows of images).",
        "| cnn   | accuracy ↑ | 0.80 [0.70, 0.90] | 0.90 [0.85, 0.95] | +0.10 [0.05, 0.15] | accepted |",
        "### What triggered it", "commit `0123456789ab`", "### Data and parameters", "Changed code: `src/encdec/nn`.",
        "## cnn", "On the 20 images of the last commit's test split", "On the 10 images that are new",
        "On all 30 images", "**1 of 2 got worse in accuracy by more than noise**",
        "1 test row became wrong, 4 became right", "![one image](pictures/cnn.png)", "### The gate",
        "**cnn would become the champion.**", "## How to undo it",
    )]  # fmt: skip
    assert places == sorted(places)


UNHAD = judged(notes=(EVIL,), recorded={EVIL: 0.2})


@pytest.mark.parametrize(
    "text",
    [
        pull_request(document()),
        pull_request(document(models=(UNHAD,))),
        summary(document(outcome="invalid", details=f"a: {EVIL}")),
    ],
)
def test_names_do_no_harm(text):
    for line in text.splitlines():
        outside = "".join(part for number, part in enumerate(line.split("```")) if number % 2 == 0)
        assert "<img" not in outside.replace("\\<img", "")
        assert "](http" not in outside.replace("]\\(http", "")
        assert "@all" not in outside
        if line.startswith("|"):
            cells = line.replace("\\|", "")
            assert cells.count("|") == line_of_header(text, line).count("|")
    assert "\u202e" not in text


def line_of_header(text, line):
    """The first line of the table that a line stands in."""
    lines = text.splitlines()
    place = lines.index(line)
    while place and lines[place - 1].startswith("|"):
        place -= 1
    return lines[place]


def test_a_refusal_says_by_what():
    body = pull_request(
        document(outcome="refused", models=(judged(accepted=False, fixed_passed=False, summary="cnn is refused: no."),))
    )
    assert "**refused**" in body
    assert "✗ last commit's test rows: gain in accuracy: +0.10" in body
    assert "**cnn is refused: no.**" in body


def test_the_same_weights_are_told_as_such():
    assert "No model's weights changed" in pull_request(document(outcome="unchanged", models=()))


def test_a_first_model_has_nothing_beside_it():
    alone = GAIN.model_copy(update={"champion": None, "gain": None})
    first = Rows(rows=30, unit="images", metrics=(alone,))
    body = pull_request(document(models=(judged(champion=None, fixed=None, new=None, whole=first, slices=()),)))
    assert "| accuracy ↑ | -      | 0.90 [0.85, 0.95] | -    | not compared |" in body
    assert "Worst new errors" not in body
    assert "| accuracy ↑ | none   |" in body


def test_a_model_that_could_not_be_measured_is_not_none_before():
    alone = GAIN.model_copy(update={"champion": None, "gain": None})
    rows_alone = Rows(rows=30, unit="images", metrics=(alone,))
    reason = "the model of commit 01234567 cannot be compared: neither DVC's cache here nor a remote has it"
    missing = judged(
        champion="the model of commit 01234567", fixed=rows_alone, new=None, whole=rows_alone, slices=(), mistakes=(),
        pictures=(), notes=(f"{reason}, and {EVIL}",), recorded={"accuracy": 0.91, EVIL: 0.2}, accepted=False,
        fixed_passed=False, fixed_reason=reason, summary=f"cnn is refused: {reason}.",
    )  # fmt: skip
    body = pull_request(document(outcome="refused", accepted=False, models=(missing,)))
    assert "| cnn   | accuracy ↑ | not measured | 0.90 [0.85, 0.95] | -    | **refused** |" in body
    assert "both measured now" not in body
    assert "### Before, as the last commit has it (measured then)" in body
    assert "| `accuracy`" in body
    assert "This is no comparison" in body
    assert f"- cnn is refused: {reason}." in body
