"""Puts everything side by side in one page and one table, from files alone: no torch, no network."""

from pathlib import Path
from typing import NamedTuple

from encdec.dvc_graph import Stage, read_stages
from encdec.params.root import MODEL_NAMES, Params
from encdec.report.checks import read_checks
from encdec.report.drawing import BOX_HEIGHT, BOX_WIDTH, draw
from encdec.report.figures import GROUPS
from encdec.report.graph import find_edges
from encdec.report.intervals import WIDTH, draw_bars
from encdec.report.material import read_material
from encdec.report.page import render_page
from encdec.report.results import compared, read_results
from encdec.report.runs import RUNS_FILE
from encdec.report.sentences import overview, tell
from encdec.report.summary import protocol_line, summary_text
from encdec.report.training import MOST_ROWS, read_making

KINDS_OF_ITEMS = {"images": "images", "noise": "images", "pairs": "pairs"}


class Report(NamedTuple):
    """`page`: HTML; `summary`: Markdown."""

    page: str
    summary: str


class Outs(NamedTuple):
    """The folders that other stages wrote, as dvc.yaml names them."""

    validation: Path
    prepared: Path
    tuning: Path
    models: Path
    evaluation: Path


def build_report(params: Params, *, graph: Path, outs: Outs) -> Report:
    """The report on every kind of data and every model that is switched on. The same files give the same bytes.

    Raises:
        ValueError: a file is missing or unreadable; the message names the stage that writes it.
    """
    stages = tuple(stage for stage in read_stages(graph) if switched_on(stage, params))
    results = read_results(params, outs.evaluation)
    making = {
        result.model: read_making(
            result.model, params, tuning=outs.tuning, models=outs.models, evaluation=outs.evaluation
        )
        for result in results
    }
    checks = read_checks(params, validation=outs.validation, prepared=outs.prepared)
    page = render_page(
        overview=overview(results),
        results=results,
        compared=tuple(compared(results)),
        stories={result.model: tell(result) for result in results},
        bars={result.model: draw_bars(result.headline) for result in results},
        protocol=protocol_line(results) if results else "",
        making=making,
        checks=checks,
        material=read_material(checks, results, outs.models),
        stages=stages,
        kinds=KINDS_OF_ITEMS | {result.model: result.kind for result in results},
        drawing=draw(stages, find_edges(stages)),
        outs=outs,
        groups=GROUPS,
        sizes={"box": (BOX_WIDTH, BOX_HEIGHT), "bars": WIDTH, "rows": MOST_ROWS},
        seed=params.seed,
        runs_file=RUNS_FILE,
    )
    return Report(page, summary_text(results))


def switched_on(stage: Stage, params: Params) -> bool:
    """Whether a stage does something; one that belongs to no model and no kind of data always does."""
    if stage.item in ("images", "pairs"):
        return params.images.enabled if stage.item == "images" else params.pairs.enabled
    return all(params.model_enabled(model) for model in MODEL_NAMES if model == stage.item)
