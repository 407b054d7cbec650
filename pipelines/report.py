"""Stage `report`: what the other stages wrote -> one self-contained page and one table."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

import os
from pathlib import Path

from encdec.command import run_command
from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.report.build import Outs, build_report
from encdec.report.terminal import show
from encdec.tracking.locked import outs_below
from encdec.tracking.report_runs import write_if_reached
from encdec.tracking.stage import tracked_stage


def main(
    graph: Path,
    validation: Path,
    prepared: Path,
    tuning: Path,
    models: Path,
    evaluation: Path,
    page: Path,
    summary: Path,
) -> None:
    loaded = load_params(Path("params.yaml"))
    read = outs_below(Path.cwd(), [validation, tuning, models, evaluation])  # by its part, each has a run that made it
    read += sorted(prepared.glob("*/rejected.csv"))
    with tracked_stage("report", loaded=loaded, item=None, inputs=read, outputs=[page, summary], section={}) as run:
        outs = Outs(validation=validation, prepared=prepared, tuning=tuning, models=models, evaluation=evaluation)
        report = build_report(loaded.params, graph=graph, outs=outs)
        write_text(page, report.page)
        write_text(summary, report.summary)
        run.log_artifact(page, "report")
        write_if_reached(run.store, page, current=run.run_id)  # beside the page, not in it: other bytes every time
        if os.environ.get("ENCDEC_SUMMARY") != "later":  # `make repro` shows it, also where nothing ran
            show(summary, page)


if __name__ == "__main__":
    paths = {
        "graph": "dvc.yaml",
        "validation": "the results of the suites",
        "prepared": "the prepared data, for what was rejected",
        "tuning": "the results of the studies",
        "models": "the trained models",
        "evaluation": "what was measured",
        "page": "the HTML page to write",
        "summary": "the Markdown table to write",
    }
    run_command(main, __doc__, paths=paths)
