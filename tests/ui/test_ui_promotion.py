"""The page of a decision as a reader sees it: accepted, refused and rolled back, light and dark, wide and narrow."""

from collections.abc import Callable
from pathlib import Path

import pytest
from viewing import View

from encdec.promotion.decision import Aliases, Bounds, Decision, MeasuredOn, MetricLine, Version
from encdec.promotion.gate import Check
from encdec.promotion.page import render_decision

Open = Callable[..., View]
ATTACK = "<script>document.title='hit'</script>\"'><img src=x onerror=\"document.title='hit'\">"
RULES = {"rule": "not_worse", "resamples": 2000, "confidence": 0.95, "floors": {"accuracy": 0.95}, "margin": 0.02}


def line(metric: str, value: float, gain: tuple[float, float, float], *, higher: bool = True) -> MetricLine:
    spread = abs(value) * 0.01
    return MetricLine(
        metric=metric,
        higher_is_better=higher,
        candidate=Bounds(value=value, low=value - spread, high=value + spread),
        champion=Bounds(value=value - gain[0], low=value - gain[0] - spread, high=value - gain[0] + spread),
        gain=Bounds(value=gain[0], low=gain[1], high=gain[2]),
    )


def decision(*, accepted: bool, text: str = "retrained on the data of May") -> Decision:
    gain = (0.0118, -0.004, 0.0275) if accepted else (-0.0433, -0.071, -0.0197)
    told = f"gain in accuracy over version 2: {gain[0]} [{gain[1]}, {gain[2]}] at 95 % confidence"
    before = Aliases(champion=2, previous=1, challenger=3)
    return Decision(
        action="promote",
        model="cnn",
        accepted=accepted,
        sentence=f"cnn version 3 {'becomes the champion' if accepted else 'is refused'}: {text}",
        note=text,
        candidate=Version(number=3, digest="37e11bcf383794ea.dir", run_id="0" * 32, commit="df32124" * 5),
        champion=Version(number=2, digest="22ba60a318ad5cb2.dir", run_id="1" * 32, commit=None),
        checks=(
            Check(name="floor: accuracy", passed=True, value=0.988, limit=0.95, reason=f"accuracy is 0.988 {text}"),
            Check(
                name="champion",
                passed=accepted,
                value=gain[1],
                limit=-0.02,
                reason=f"{told}; its lower end must be -0.02 or more",
            ),
        ),
        metrics=(
            line("accuracy", 0.97 if accepted else 0.93, gain),
            line("nll", 0.0579, (0.01, -0.02, 0.04), higher=False),
        ),
        test=MeasuredOn(path="data/03_prepared/images/test", digest="f4245456bbcc0d93.dir", rows=254, unit="images"),
        rules=RULES,
        before=before,
        after=Aliases(champion=3, previous=2, challenger=None) if accepted else before,
        undo="encdec rollback cnn" if accepted else None,
        surroundings={"at": "2026-11-22 02:59:41 UTC", "git.commit": "df32124" * 5, "mlflow.user": text},
    )


def rolled_back() -> Decision:
    update = {"action": "rollback", "checks": (), "metrics": (), "test": None, "rules": {}}
    return decision(accepted=True).model_copy(update=update)


DECISIONS = {"accepted": decision(accepted=True), "refused": decision(accepted=False), "rolled back": rolled_back()}


def written(folder: Path, found: Decision) -> str:
    path = folder / "decision.html"
    path.write_text(render_decision(found), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", DECISIONS)
def test_page_is_accessible_and_loads_nothing(view: Open, tmp_path: Path, name: str, width: int, dark: bool) -> None:
    address = written(tmp_path, DECISIONS[name])
    seen = view(address, width=width, dark=dark)
    seen.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert seen.violations() == []
    assert seen.sideways() <= 0
    assert seen.errors == []
    assert {each for each in seen.requests if not each.startswith("data:")} == {address}
    assert name in seen.page.locator("h1").inner_text()


def test_markup_stays_text(view: Open, tmp_path: Path) -> None:
    seen = view(written(tmp_path, decision(accepted=False, text=ATTACK)))
    seen.page.wait_for_timeout(200)
    assert seen.page.title() == "cnn version 3: refused"
    assert seen.errors == []
    assert seen.page.locator("img[src=x]").count() == 0
    assert seen.page.locator(".note").inner_text() == ATTACK


def test_gain_is_drawn_right_of_zero_where_it_is_better(view: Open, tmp_path: Path) -> None:
    seen = view(written(tmp_path, decision(accepted=False))).page
    first = seen.locator(".gain svg").first
    assert first.get_attribute("aria-label") == "Gain in accuracy: −0.043 [−0.071, −0.020]"
    zero, low, high, limit = (
        float(first.locator(f".{name}").get_attribute(place) or "nan")
        for name, place in (("zero", "x1"), ("span", "x1"), ("span", "x2"), ("limit", "x1"))
    )
    # -0.071, -0.0197 and -0.02 on a rail from -0.071 at 10 to 0 at 310
    assert (low, zero) == (10.0, 310.0)
    assert high == pytest.approx(310 - 300 * 0.0197 / 0.071, abs=0.1)
    assert limit == pytest.approx(310 - 300 * 0.02 / 0.071, abs=0.1)
    assert seen.locator("pre").count() == 0, "a refusal has nothing to undo"
