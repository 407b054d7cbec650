"""The arithmetic of the benchmarks: crossings, ratios within rounds, aims, and what is written."""

import json
from pathlib import Path

import pytest

from benchmarks.aims import Aim, throughput, time_to_error
from benchmarks.cases import Competitor, find_case
from benchmarks.document import put_section, section, table_row
from benchmarks.machine import Machine
from benchmarks.results import Run, Spread, crossing, mean_and_deviation, ratios, read_runs, run_of, write_runs
from benchmarks.training import Job, keep_others, plan
from benchmarks.workers.common import error_rate, levenshtein
from encdec.metrics.text import closest_references


def run(
    competitor: Competitor,
    number: int = 0,
    *,
    case: str = "cnn",
    seconds: float = 2.0,
    value: float | None = 0.5,
    to_target: float | None = None,
) -> Run:
    return Run(
        case=case,
        competitor=competitor,
        round=number,
        seed=number,
        threads=2,
        samples=1000,
        seconds=seconds,
        whole_seconds=None,
        parameters=1234,
        precision="float32",
        peak_bytes=50_000_000,
        metric="val/nll",
        value=value,
        error_rate=None,
        seconds_to_target=to_target,
    )


def test_rate_is_samples_over_seconds_of_the_loop() -> None:
    assert run("project", seconds=4.0).rate == 250.0


def test_spread_is_median_least_and_greatest() -> None:
    assert Spread.of([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)
    assert Spread.of([1.0, 2.0]).middle == 1.5


def test_mean_and_deviation_of_the_sample() -> None:
    assert mean_and_deviation([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))  # ((1 + 1) / (2 - 1)) ** 0.5
    assert mean_and_deviation([1.0]) == (1.0, 0.0)


def test_crossing_lies_on_the_line_between_two_looks() -> None:
    curve = [(10.0, 0.5), (20.0, 0.25), (30.0, 0.15)]
    assert crossing(curve, 0.20) == pytest.approx(25.0)  # half of the way from 0.25 to 0.15
    assert crossing(curve, 0.15) == pytest.approx(30.0)
    assert crossing(curve, 0.10) is None
    assert crossing(curve, 0.60) == 10.0
    assert crossing([], 0.1) is None


def test_crossing_is_the_first_one() -> None:
    assert crossing([(1.0, 0.3), (2.0, 0.1), (3.0, 0.3), (4.0, 0.1)], 0.2) == pytest.approx(1.5)


def test_a_ratio_is_taken_within_a_round() -> None:
    runs = [run("project", 0, seconds=1.0), run("bare_adam", 0, seconds=2.0)]
    runs += [run("project", 1, seconds=10.0), run("bare_adam", 1, seconds=40.0)]
    runs += [run("project", 2, seconds=1.0)]  # the other did not run in this round
    assert ratios(runs, "project", "bare_adam") == [2.0, 4.0]


def test_an_aim_is_met_by_the_median_of_the_rounds() -> None:
    runs = [run("bare_adam", number) for number in range(3)]
    runs += [run("project", number, seconds=seconds) for number, seconds in enumerate((4.0, 1.0, 1.0))]
    (verdict,) = throughput(Aim("project", "bare_adam", ("cnn", "vae"), 2.0), runs)  # nothing of the vae was measured
    assert (verdict.case, verdict.middle, verdict.told) == ("cnn", 2.0, "met by the median")
    (verdict,) = throughput(Aim("project", "bare_adam", ("cnn",), 2.1), runs)
    assert verdict.told == "missed"
    (verdict,) = throughput(Aim("project", "bare_adam", ("cnn",), 0.5), runs)
    assert verdict.told == "met"


@pytest.mark.parametrize(("ours", "worse"), [((0.5, 0.6), False), ((0.8, 0.9), True), ((0.5, 0.9), False)])
def test_speed_at_a_worse_quality_meets_no_aim(ours: tuple[float, float], worse: bool) -> None:
    runs = [run("bare_adam", number, value=0.5 + number / 10) for number in range(2)]
    runs += [run("project", number, seconds=0.1, value=value) for number, value in enumerate(ours)]
    (verdict,) = throughput(Aim("project", "bare_adam", ("cnn",), 2.0), runs)
    assert verdict.told == ("worse quality" if worse else "met")


def test_time_to_an_error_is_in_medians_of_ours_and_a_run_that_never_got_there_counts() -> None:
    peers = [run("joeynmt", number, case="seq2seq", to_target=time) for number, time in enumerate((90.0, 100.0))]
    peers.append(run("joeynmt", 2, case="seq2seq", seconds=200.0))  # it gave up after 200 s
    ours = [run("project", number, case="seq2seq", to_target=time) for number, time in enumerate((20.0, 50.0, 19.0))]
    (verdict,) = time_to_error("joeynmt", 3.0, [run("project"), *ours, *peers])  # images have no error rate to reach
    assert verdict.found == [4.5, 5.0, 10.0]
    assert verdict.told == "met"
    late = run("project", 3, case="seq2seq")
    (verdict,) = time_to_error("joeynmt", 3.0, [*ours, late, *peers])
    assert verdict.told == "missed"
    assert time_to_error("joeynmt", 3.0, ours) == []


def test_cases_of_another_session_stay_whole_and_only_those_of_the_same_machine(tmp_path: Path) -> None:
    file, jobs = tmp_path / "runs.csv", [Job(find_case("cnn"), "bare_adam", 0)]
    here: Machine = {"processor": "one", "threads": 2, "images": "mnist", "load": 0.1}
    write_runs(file, [run("project"), run("pythae", case="vae")])
    assert keep_others(file, jobs, here) == [], "nobody says where they were measured"
    (tmp_path / "machine.json").write_text(json.dumps({**here, "load": 0.4}))
    assert [each.case for each in keep_others(file, jobs, here)] == ["vae"]
    for other in ({"processor": "another"}, {"threads": 1}, {"images": "digits"}):
        assert keep_others(file, jobs, {**here, **other}) == []


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    runs = [run("project", 1, to_target=2.5), run("pyod", value=None)]
    write_runs(tmp_path / "results" / "runs.csv", runs)
    assert read_runs(tmp_path / "results" / "runs.csv") == runs


def test_an_answer_becomes_a_row() -> None:
    answer = {
        "samples": 10,
        "seconds": 2.0,
        "whole_seconds": 3.0,
        "parameters": 5,
        "precision": "float32",
        "peak_bytes": 7,
        "quality": {"val/nll": 0.4, "val/phoneme_error_rate": 0.3},
        "curve": [[1.0, 0.4], [2.0, 0.2]],
    }
    row = run_of(answer, case="seq2seq", competitor="project", round_=1, seed=12, threads=2, target=0.3)
    assert (row.metric, row.value, row.error_rate, row.seconds_to_target) == ("val/nll", 0.4, 0.3, pytest.approx(1.5))


def test_each_round_runs_every_competitor_once_and_begins_with_another() -> None:
    jobs = list(plan([find_case("autoencoder")], ["project", "bare_adam", "pyod"], 3, translator_rounds=1))
    order = [[job.competitor for job in jobs if job.round == number] for number in range(3)]
    assert [each[0] for each in order] == ["project", "bare_adam", "pyod"]
    assert all(sorted(each) == ["bare_adam", "project", "pyod"] for each in order)
    assert len({job.seed for job in jobs}) == 3


def test_a_case_is_planned_without_those_that_it_does_not_have() -> None:
    assert [job.competitor for job in plan([find_case("cnn")], ["joeynmt", "bare_adam"], 1, translator_rounds=1)] == [
        "bare_adam"
    ]


def test_the_slow_peers_run_in_the_first_rounds_alone() -> None:
    jobs = list(plan([find_case("seq2seq")], ["project", "joeynmt"], 3, translator_rounds=2))
    assert [job.round for job in jobs if job.competitor == "project"] == [0, 1, 2]
    assert [job.round for job in jobs if job.competitor == "joeynmt"] == [0, 1]


def test_a_row_of_the_table_names_median_spread_ratio_and_quality() -> None:
    ours = [run("project", number, seconds=seconds) for number, seconds in enumerate((1.0, 2.0, 4.0))]
    base = [run("bare_adam", number) for number in range(3)]
    dash, rest = "\N{EN DASH}", "val/nll 0.5 ± 0 | 1,234 | float32 | 50 MB |"
    wanted = f"| encdec, default settings | 500 (250{dash}1,000, 3 runs) | 1.00 (0.50{dash}2.00) | {rest}"
    assert table_row([*ours, *base], ours) == wanted
    assert section(find_case("cnn"), [*ours, *base]).count("\n|") == 4


def test_a_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- a: begin -->\nold\n<!-- a: end -->\nbelow\n", encoding="utf-8")
    put_section(page, "a", r"new \1")
    assert page.read_text(encoding="utf-8") == "above\n<!-- a: begin -->\nnew \\1\n<!-- a: end -->\nbelow\n"
    with pytest.raises(ValueError, match="needs the marks <!-- b: begin -->"):
        put_section(page, "b", "")


def test_error_rate_is_the_projects_own() -> None:
    predictions = [["K", "AH"], ["A"], [], ["B", "C", "D"]]
    references = [[["K", "AE", "T"], ["K", "AH", "T"]], [["A"]], [["B"], ["C", "D"]], [["C", "B", "D"], ["B", "D"]]]
    ours = closest_references(predictions, references)
    assert error_rate(predictions, references) == ours.edits.sum() / ours.reference_length.sum()


@pytest.mark.parametrize(
    ("first", "second", "edits"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("same", "same", 0), ("ab", "ba", 2)],
)
def test_levenshtein(first: str, second: str, edits: int) -> None:
    assert levenshtein(first, second) == edits
