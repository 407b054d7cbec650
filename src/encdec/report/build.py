"""Puts everything side by side in one page and one table, from files alone: no torch, no network, no script."""

from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from encdec.params.root import MODEL_NAMES, Params
from encdec.report.checks import read_checks
from encdec.report.drawing import BOX_HEIGHT, BOX_WIDTH, draw
from encdec.report.graph import Stage, find_edges, read_stages
from encdec.report.results import compared, overview, read_results
from encdec.report.summary import protocol_line, summary_text
from encdec.report.training import CURVE_HEIGHT, CURVE_WIDTH, MOST_ROWS, read_making


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
    page = (
        environment()
        .get_template("index.html.jinja")
        .render(
            overview=overview(results),
            results=results,
            compared=tuple(compared(results)),
            protocol=protocol_line(results) if results else "",
            making=making,
            checks=checks,
            verbs={verb: [stage for stage in stages if stage.verb == verb] for verb in {s.verb: None for s in stages}},
            kinds={"images": "images", "pairs": "pairs"} | {result.model: result.kind for result in results},
            drawing=draw(stages, find_edges(stages)),
            outs=outs,
            sizes={"box": (BOX_WIDTH, BOX_HEIGHT), "curve": (CURVE_WIDTH, CURVE_HEIGHT), "rows": MOST_ROWS},
            seed=params.seed,
        )
    )
    return Report(page, summary_text(results))


def environment() -> Environment:
    """Everything that is put into a page is escaped, and a name without a value is a mistake."""
    return Environment(
        loader=PackageLoader("encdec.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def switched_on(stage: Stage, params: Params) -> bool:
    """Whether a stage does something; one that belongs to no model and no kind of data always does."""
    if stage.item in ("images", "pairs"):
        return params.images.enabled if stage.item == "images" else params.pairs.enabled
    return all(params.model_enabled(model) for model in MODEL_NAMES if model == stage.item)
