"""The shapes of the page, point by point, and the words of the terminal."""

from encdec.monitoring.drawing import BASE, WIDTH, draw
from encdec.monitoring.finding import Bars, Family, Finding, Histogram
from encdec.monitoring.result import judge
from encdec.monitoring.terminal import p_text


def test_a_histogram_is_an_area_and_a_line_of_one_scale() -> None:
    # two bins of half of the width; the highest share, 0.8, reaches to 8 below the top
    drawn = draw(Histogram(edges=(0.0, 1.0, 2.0), reference=(0.8, 0.2), batch=(0.4, 0.6)))
    half, low = WIDTH // 2, BASE - (BASE - 8) * 0.25
    assert drawn.reference == f"M0 {BASE}L0.0 8.0H{half}.0L{half}.0 {low:.1f}H{WIDTH}.0L{WIDTH} {BASE}Z"
    assert f"L0.0 {BASE - (BASE - 8) * 0.5:.1f}H" in drawn.batch
    assert [text for _, text in drawn.ticks] == ["0", "1", "2"]


def test_bars_stand_in_pairs_and_their_names_have_room() -> None:
    drawn = draw(Bars(names=("a name that is long", " "), reference=(1.0, 0.0), batch=(0.5, 0.5)))
    # a pair takes half of the width: its bars begin at 12 and 52 % of that
    assert drawn.reference.startswith(f"M{0.12 * WIDTH / 2:.1f} {BASE}V8.0h")
    assert drawn.batch.startswith(f"M{0.52 * WIDTH / 2:.1f} {BASE}V")
    assert [text for _, text in drawn.ticks] == ["a name that is long", "␣"]
    many = draw(Bars(names=tuple(f"language {n}" for n in range(10)), reference=(0.1,) * 10, batch=(0.1,) * 10))
    assert many.ticks[0][1] == "lan…"  # 32 wide, at 6.5 a letter


def test_a_p_value_has_no_more_digits_than_matter() -> None:
    assert [p_text(p) for p in (0.0, 1.0, 0.04567, 1.234e-9)] == ["0", "1", "0.046", "1.2e-09"]


def test_the_verdict_is_that_of_the_corrected_p_values() -> None:
    def family(name: str, *p_values: float) -> Family:
        findings = [Finding(f"{name} {p}", "D", 0.1, p, "PSI", 0.3, 10, 10, "it moved") for p in p_values]
        return Family(name, "Has it?", findings)

    groups, tests = judge([family("one", 0.004, 0.5), family("two", 0.006)], rate=0.01, psi_large=0.25)
    # 0.004 * 2 tests * 2 families is 0.016, 0.006 * 1 * 2 is 0.012: neither is at most 0.01
    assert [group.drifted for group in groups] == [False, False]
    assert [round(group.least_p, 9) for group in groups] == [0.016, 0.012]
    groups, tests = judge([family("one", 0.004, 0.5), family("two", 0.005)], rate=0.01, psi_large=0.25)
    assert [test.name for test in tests if test.drifted] == ["two 0.005"]
    assert groups[1].alpha == 0.005
    assert tests[0].sentence == "one 0.004: it moved; PSI 0.30 (large)."


def test_one_of_many_tests_does_not_hide_the_other_families() -> None:
    from encdec.monitoring.result import Given, Result

    pixels = Family("pixels", "", [Finding(f"p{n}", "D", 1, 1e-50 * (n + 1), "PSI", 1, 9, 9, "x") for n in range(5)])
    length = Family("lengths", "", [Finding("length", "D", 1, 1e-9, "PSI", 1, 9, 9, "x")])
    groups, tests = judge([pixels, length], rate=0.01, psi_large=9.0)
    given = Given(path="b", digest="d", rows=9, labelled=False, predictions=None)
    result = Result(
        verdict="drift", sentence="", kind="images", source="digits", batch=given, reference=(), left_out=(),
        problems=(), remarks=(), families=groups, tests=tests, rows=(), rules={}, surroundings={},
    )  # fmt: skip
    assert [test.name for test in result.surest(2)] == ["p0", "p1", "length"]
    assert len(result.drifted) == 6
