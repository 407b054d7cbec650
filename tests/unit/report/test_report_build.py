"""The whole page and the whole summary, from made-up outs."""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from encdec.params.root import MODEL_NAMES, Params
from encdec.report.build import Outs, build_report
from encdec.report.page import render_page
from encdec.report.runs import page_id_of


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
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.rows and any(tag in ("td", "th") for tag in self.open):
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]}{data}".split())


def without_learning_figure(outs: Outs) -> None:
    """Its caption says what the page otherwise says itself."""
    for path in outs.evaluation.glob("*/figures/figures.json"):
        path.write_text(json.dumps([each for each in json.loads(path.read_text()) if each["group"] != "learning"]))


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
            head, comma, rest = entry["baseline"]["name"].partition(", ")
            assert shown[3].endswith(f"]{head} ({rest})" if comma else f"]{head}")
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


def test_page_needs_no_network(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    found = Elements(page)
    assert found.open == []
    assert [attributes for tag, attributes in found.elements if tag == "script"] == [{}]  # one, and in the page
    assert not re.findall(r"https?://|@import|url\(", page)
    for tag, attributes in found.elements:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
        assert tag == "img" or "src" not in attributes
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,")
    targets = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
    assert {(a.get("href") or "")[1:] for tag, a in found.elements if tag == "a"} <= targets


def test_what_the_data_says_is_shown_as_text(params: Params, graph: Path, outs: Outs) -> None:
    name = "<script>alert(1)</script>"
    (outs.evaluation / "cnn" / "details" / "per_class.csv").write_text(f'class,f1\n"{name}",0.5\n')
    (outs.prepared / "pairs" / "rejected.csv").write_text(f'sample,split,reason,detail\nx,,{name},"a"" onload=b"\n')
    page = build_report(params, graph=graph, outs=outs).page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert name not in page
    assert "a&#34; onload=b" in page
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
    (outs.models / "cnn" / "history.csv").write_text("epoch,val/mse\n1,1.0\n")
    with pytest.raises(ValueError, match="columns epoch, val/mse and 1 rows, expected val/nll by epoch"):
        build_report(params, graph=graph, outs=outs)


def test_long_table_is_cut_and_the_file_named(params: Params, graph: Path, outs: Outs) -> None:
    trials = "".join(f"{number},COMPLETE,0.5\n" for number in range(13))
    (outs.tuning / "cnn" / "trials.csv").write_text(f"trial,state,score\n{trials}")
    page = build_report(params, graph=graph, outs=outs).page
    assert "The first 10 of 13 rows; all are in the file." in page
    assert f"<code>dvc repro tune@cnn</code> in <code>{outs.tuning}/cnn/trials.csv</code>" in page
    assert "the best of 13 trials by <code>val/nll</code>." in page
    assert ">12</td><td>COMPLETE" not in page
    assert page.count("The first 10 of 12 rows") == 6
    assert "0.9800" in page  # class 0
    assert ">11<" not in page


def test_parameters_and_learning_are_those_of_the_files(params: Params, graph: Path, outs: Outs) -> None:
    without_learning_figure(outs)
    page = build_report(params, graph=graph, outs=outs).page
    assert "the best of 2 trials by <code>val/mse</code>, of which 1 was pruned." in page
    # 0.9, 0.4, 0.25, 0.2, 0.21: the fourth is the least, which is epoch 4, counted from 1 as in history.csv
    assert "began at 0.9000 and was best in epoch 4, 0.2000, whose weights were kept" in page
    assert "the last of 5 epochs had 0.2100." in page
    rows = [row for row in Elements(page).rows if row[0] == "training.learning_rate"]
    assert rows.count(["training.learning_rate", "0.003123"]) == 6  # tuned parameters of six models
    assert rows.count(["training.learning_rate", "0.003123tuned"]) == 6  # and among all parameters


def test_model_without_a_search_says_so(params: Params, graph: Path, outs: Outs) -> None:
    (outs.tuning / "vae" / "best.json").write_text("{}")
    (outs.tuning / "vae" / "trials.csv").write_text("trial,state,score,epochs,last_score\n")
    assert (
        build_report(params, graph=graph, outs=outs).page.count("None was tuned: every value is fixed in params.yaml.")
        == 1
    )


def test_validation_and_rejected_rows_are_counted(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    rows = {row[0]: row for row in Elements(page).rows if len(row) == 6}
    assert rows["duplicates"] == ["duplicates", "! warning", "warning", "31 of 1,797", "1.725 %", "1 %"]
    reasons = [row for row in Elements(page).rows if len(row) == 3 and row[1] in ("ingest", "prepare")]
    assert reasons == [["too long", "prepare", "2"], ["no text", "ingest", "1"], ["empty", "prepare", "1"]]
    assert "<p>None.</p>" in page  # of images
    # 2,000 rows, of which 0.711, 0.149 and 0.14 are 1,422, 298 and 280; one of train and two of val were rejected
    material = {row[0].split("real ")[0].split("dates as")[0]: row for row in Elements(page).rows if len(row) == 7}
    assert material["digits"][1:6] == ["8 \u00d7 8 pixels, grey, 10 classes", "1,422", "298", "280", "0"]
    assert material["dates"][2:] == ["1,421", "296", "280", "4", "Sequence to sequence"]


def test_report_loads_neither_torch_nor_pandas() -> None:
    slow = ("torch", "pandas", "numpy", "sklearn", "mlflow")
    code = f"import sys, encdec.report.build; print(sorted(set({slow}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_table_names_the_command_that_made_it(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    body = page[page.index("<main>") : page.index("</main>")]
    # what stands between a table or a group of figures and the next one says which command made it
    for part in re.split(r"<table|<div class=\"figures\"", body)[1:]:
        assert "dvc repro " in part
    commands = set(re.findall(r"Made by <code>dvc repro ([^<]+)</code>", body))
    models = {f"{stage}@{model}" for stage in ("tune", "train", "evaluate") for model in MODEL_NAMES}
    data = {f"{stage}@{kind}" for stage in ("validate", "prepare") for kind in ("images", "pairs")}
    assert commands == models | data | {"evaluate@&lt;model&gt;"}
    assert set(re.findall(r'data-run="([^"]+)"', body)) >= models | data


def test_headings_follow_each_other_without_a_gap(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    levels = [int(tag[1]) for tag, _ in Elements(page).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_policy_allows_exactly_the_style_and_the_script_of_the_page(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]+)"', page)[0])
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_page_knows_itself_by_the_digest_of_all_else(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    found = page_id_of(page)
    assert found == hashlib.sha256(page.replace(found, "0" * 64).encode()).hexdigest()
    (outs.tuning / "cnn" / "best.json").write_text("{}")
    assert page_id_of(build_report(params, graph=graph, outs=outs).page) != found


def test_value_that_is_missing_is_a_mistake() -> None:
    with pytest.raises(UndefinedError, match="'runs_file' is undefined"):
        render_page(overview="")


def test_epoch_that_was_not_finite_is_never_the_best(params: Params, graph: Path, outs: Outs) -> None:
    without_learning_figure(outs)
    history = outs.models / "cnn" / "history.csv"
    history.write_text("epoch,val/nll\n1,\n2,0.5\n3,inf\n4,0.75\n5,\n")
    page = build_report(params, graph=graph, outs=outs).page
    assert "began at nan and was best in epoch 2, 0.5000, whose weights were kept; the last of 5 epochs had nan" in page
    history.write_text("epoch,val/nll\n1,\n")
    with pytest.raises(ValueError, match="columns epoch, val/nll and 1 rows, expected val/nll by epoch"):
        build_report(params, graph=graph, outs=outs)
