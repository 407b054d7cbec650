"""The whole page and the whole summary, from made-up outs."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from encdec.params.root import Params
from encdec.report.build import Outs, build_report


class Elements(HTMLParser):
    """Every element with its attributes, and the text of each cell of a table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.rows and any(tag in ("td", "th") for tag in self.open):
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]}{data}".split())


def test_numbers_of_the_table_are_those_of_the_files(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    rows = {(row[0], row[1][:-1]): row for row in Elements(page).rows if len(row) == 6}
    for model in ("cnn", "autoencoder", "vae", "seq2seq"):
        metrics = json.loads((outs.evaluation / model / "details" / "evaluation.json").read_text())
        for name, entry in metrics.items():
            if entry["baseline"] is None:
                assert (model, name) not in rows
                continue
            shown = rows[model, name]
            assert shown[3].endswith(f"]{entry['baseline']['name']}")
            for text, values in ((shown[2], entry), (shown[3], entry["baseline"]), (shown[4], entry["difference"])):
                numbers = [float(part) for part in re.findall(r"[-+]?[\d.]+", text.replace("\u2212", "-"))][:3]
                half_a_digit = 0.5 * (entry["high"] - entry["low"]) / 10  # two digits of the interval's width
                for number, key in zip(numbers, ("value", "low", "high"), strict=True):
                    assert abs(number - values[key]) <= half_a_digit + 1e-12


def test_verdict_follows_the_interval_of_the_difference(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    verdicts = {(row[0], row[1][:-1]): row[5] for row in Elements(page).rows if len(row) == 6}
    assert verdicts["cnn", "accuracy"] == "\u25b2 better"  # 0.0296 with an interval of 0.013 on either side
    assert verdicts["cnn", "top3_accuracy"] == "\u2248 no clear difference"  # 0.0037: 0 is the lower bound
    assert verdicts["sparse_autoencoder", "mse"] == "\u25bc worse"  # 0.0012 more error, interval 0.0006


def test_page_needs_no_network_and_no_script(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    found = Elements(page)
    assert found.open == []
    assert "script" not in {tag for tag, _ in found.elements}
    assert not re.findall(r"https?://|@import|url\(", page)
    for _, attributes in found.elements:
        assert not {name for name in attributes if name.startswith("on")}
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,"))
    targets = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
    assert {(a.get("href") or "")[1:] for tag, a in found.elements if tag == "a"} <= targets


def test_what_the_data_says_is_shown_as_text(params: Params, graph: Path, outs: Outs) -> None:
    name = "<script>alert(1)</script>"
    (outs.evaluation / "cnn" / "details" / "per_class.csv").write_text(f'class,f1\n"{name}",0.5\n')
    page = build_report(params, graph=graph, outs=outs).page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert name not in page
    assert "&lt;b&gt;7&lt;/b&gt;" in page  # a row that failed validation
    assert [name, "0.5000"] in Elements(page).rows


def test_same_files_give_the_same_bytes(params: Params, graph: Path, outs: Outs) -> None:
    assert build_report(params, graph=graph, outs=outs) == build_report(params, graph=graph, outs=outs)


def test_models_and_kinds_that_are_off_do_not_appear(without: Callable[..., Params], graph: Path, outs: Outs) -> None:
    (outs.evaluation / "vae" / "details" / "evaluation.json").unlink()
    (outs.validation / "pairs" / "validation.json").unlink()
    report = build_report(without("vae", "pairs"), graph=graph, outs=outs)
    for absent in ("vae", "seq2seq", "dates", "evaluate@vae", "prepare@pairs"):
        assert absent not in report.page
        assert absent not in report.summary
    for present in ("train@cnn", "prepare@images", "digits"):
        assert present in report.page


def test_page_says_that_everything_is_off(without: Callable[..., Params], graph: Path, outs: Outs) -> None:
    report = build_report(without("images", "pairs"), graph=graph, outs=outs)
    assert report.summary == "Every model is switched off in params.yaml.\n"
    assert "Both kinds of data are switched off" in report.page


@pytest.mark.parametrize(
    ("folder", "file", "stage"),
    [
        ("evaluation", "cnn/details/evaluation.json", "evaluate@cnn"),
        ("evaluation", "cnn/details/protocol.json", "evaluate@cnn"),
        ("tuning", "cnn/best.json", "tune@cnn"),
        ("models", "cnn/history.csv", "train@cnn"),
        ("validation", "pairs/validation.json", "validate@pairs"),
        ("prepared", "images/rejected.csv", "prepare@images"),
    ],
)
def test_missing_file_is_named_with_its_stage(
    params: Params, graph: Path, outs: Outs, folder: str, file: str, stage: str
) -> None:
    path = getattr(outs, folder) / file
    path.unlink()
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: no such file; it is written by `dvc repro {stage}`"):
        build_report(params, graph=graph, outs=outs)


def test_broken_files_are_named(params: Params, graph: Path, outs: Outs) -> None:
    evaluation = outs.evaluation / "cnn" / "details" / "evaluation.json"
    kept = evaluation.read_text()
    evaluation.write_text("{")
    with pytest.raises(ValueError, match=r"evaluation\.json: not valid JSON .* run `dvc repro --force evaluate@cnn`"):
        build_report(params, graph=graph, outs=outs)
    evaluation.write_text("{}")
    with pytest.raises(ValueError, match="no metric accuracy, top3_accuracy, nll, ece"):
        build_report(params, graph=graph, outs=outs)
    evaluation.write_text(kept)
    (outs.models / "cnn" / "history.csv").write_text("epoch,val/mse\n0,1.0\n")
    with pytest.raises(ValueError, match="columns epoch, val/mse and 1 rows, expected val/nll by epoch"):
        build_report(params, graph=graph, outs=outs)


def test_long_table_is_cut_and_the_file_named(params: Params, graph: Path, outs: Outs) -> None:
    trials = "".join(f"{number},COMPLETE,0.5\n" for number in range(13))
    (outs.tuning / "cnn" / "trials.csv").write_text(f"trial,state,score\n{trials}")
    page = build_report(params, graph=graph, outs=outs).page
    assert f"The first 10 of 13 rows; all are in <code>{outs.tuning}/cnn/trials.csv</code>" in page
    assert "The best of 13 trials by <code>val/nll</code>." in page
    assert ">12</td><td>COMPLETE" not in page
    assert f"The first 10 of 12 rows; all are in <code>{outs.evaluation}/cnn/details/per_class.csv</code>" in page
    assert "0.9800" in page  # class 0
    assert ">11<" not in page


def test_parameters_and_learning_are_those_of_the_files(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    assert "The best of 2 trials by <code>val/mse</code>, of which 1 was pruned." in page
    # 0.9, 0.4, 0.25, 0.2, 0.21: the fourth is the least
    assert (
        "went from 0.9000 to its best, 0.2000, after 4 of 5 epochs, whose weights were kept; it ended at 0.2100."
        in page
    )
    # five points over 220 px; heights 44 * (0.9 - value) / 0.7, so that the least lies at the bottom
    assert 'points="0,0 55,31.4 110,40.9 165,44 220,43.4"' in page
    rows = [row for row in Elements(page).rows if row[0] == "training.learning_rate"]
    assert rows.count(["training.learning_rate", "0.003123"]) == 6  # tuned parameters of six models
    assert rows.count(["training.learning_rate", "0.003123tuned"]) == 6  # and among all parameters


def test_model_without_a_search_says_so(params: Params, graph: Path, outs: Outs) -> None:
    (outs.tuning / "vae" / "best.json").write_text("{}")
    (outs.tuning / "vae" / "trials.csv").write_text("trial,state,score,epochs,last_score\n")
    assert build_report(params, graph=graph, outs=outs).page.count("every value is fixed in params.yaml") == 1


def test_validation_and_rejected_rows_are_counted(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    rows = {row[0]: row for row in Elements(page).rows if len(row) == 6}
    assert rows["duplicates"] == ["duplicates", "! warning", "warning", "31 of 1,797", "1 %", "0.01725"]
    assert "Preparation left out 3 rows" in page
    assert "2 too long, 1 empty." in page
    assert "Preparation left out no row." in page


def test_report_loads_neither_torch_nor_pandas() -> None:
    slow = ("torch", "pandas", "numpy", "sklearn", "mlflow")
    code = f"import sys, encdec.report.build; print(sorted(set({slow}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
