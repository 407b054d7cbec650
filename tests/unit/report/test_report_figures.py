"""Figures of the evaluation in the page."""

import base64
import json
import re
from pathlib import Path

import pytest

from encdec.params.root import Params
from encdec.report.build import Outs, build_report
from encdec.report.figures import read_figures


@pytest.fixture
def folder(outs: Outs) -> Path:
    return outs.evaluation / "cnn" / "figures"


def test_figures_are_in_the_page_byte_for_byte_in_both_schemes(params: Params, graph: Path, outs: Outs) -> None:
    page = build_report(params, graph=graph, outs=outs).page
    article = page[
        page.index('<article class="panel" id="cnn"') : page.index('<article class="panel" id="autoencoder"')
    ]
    shown = re.findall(
        r'<img class="(\w+)" src="data:image/png;base64,([^"]+)" width="40" height="20" alt="A line."', article
    )
    names = ["quality", "samples", "mistakes", "code", "learning"]  # the order of the page
    files = [(scheme, f"{name}_figure.{scheme}.png") for name in names for scheme in ("light", "dark")]
    assert [scheme for scheme, _ in shown] == [scheme for scheme, _ in files]
    for (_, content), (_, file) in zip(shown, files, strict=True):
        assert base64.b64decode(content) == (outs.evaluation / "cnn" / "figures" / file).read_bytes()
    assert "<strong>A mistakes figure</strong>. What it shows." in article


def test_words_of_a_figure_are_escaped(params: Params, graph: Path, outs: Outs, folder: Path) -> None:
    listed = json.loads((folder / "figures.json").read_text())
    listed[0] |= {"title": "<b>t", "caption": "</figcaption>", "alt": '" onerror="x'}
    (folder / "figures.json").write_text(json.dumps(listed))
    page = build_report(params, graph=graph, outs=outs).page
    assert "<strong>&lt;b&gt;t</strong>. &lt;/figcaption&gt;</figcaption>" in page
    assert 'alt="&#34; onerror=&#34;x"' in page


@pytest.mark.parametrize("change", [{"group": "other"}, {"width": 0}, {"width": "40"}, {"alt": None}, {"height": True}])
def test_broken_entry_is_named(folder: Path, change: dict[str, object]) -> None:
    listed = json.loads((folder / "figures.json").read_text())
    listed[2] |= change
    (folder / "figures.json").write_text(json.dumps(listed))
    with pytest.raises(
        ValueError, match=r"figures\.json: entry 2: expected the texts .* run `dvc repro --force evaluate"
    ):
        read_figures(folder, stage="evaluate@cnn")


def test_missing_or_broken_picture_is_named(folder: Path) -> None:
    picture = folder / "code_figure.dark.png"
    picture.write_bytes(b"<svg onload=alert(1)>")
    with pytest.raises(ValueError, match=r"code_figure\.dark\.png: not a PNG; run `dvc repro --force evaluate@cnn`"):
        read_figures(folder, stage="evaluate@cnn")
    picture.unlink()
    with pytest.raises(ValueError, match=r"code_figure\.dark\.png: no such file; it is written by `dvc repro evaluate"):
        read_figures(folder, stage="evaluate@cnn")
    (folder / "figures.json").write_text("{}")
    with pytest.raises(ValueError, match=r"figures\.json: dict, expected a list of figures"):
        read_figures(folder, stage="evaluate@cnn")
