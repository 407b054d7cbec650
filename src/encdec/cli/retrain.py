"""Train anew where there is a reason to, and say in one sentence why or why not.

  encdec retrain                                           what changed since dvc.lock: data, parameters, code
  encdec retrain --batch may/ --kind images                new data beside what there is; validated before all else
  encdec retrain --batch all.tsv --kind pairs --mode replace
  encdec retrain --monitor drift.json --batch may/ --kind images
  encdec retrain --reason schedule --promote               on a schedule; what is accepted becomes the champion
  encdec retrain --set models.vae.beta=2.0                 with another value in params.yaml
  encdec retrain --decide                                  say what would be done, and do nothing

The policy is the section `retraining` of params.yaml. Retraining is `dvc repro`; then every model with new weights is
measured beside the champion, on the test rows of the last commit and on the new ones, and goes through the gate of
`encdec promote`, which moves the champion only with --promote. Results lie in .work/retraining: retrain.json,
pull-request.md with pictures, report.html. A run in MLflow has them too (tags.stage = 'retrain').

Stopped or killed at any moment, the next `encdec retrain` goes on. Two at once: the second waits, and decides anew.

Status: 0 accepted, or nothing to do; 10 refused, by the gate or since what there was before cannot be had to compare it
with; 20 the data are invalid, and nothing was changed; 30 stopped by retraining.hours, the next goes on; 1 an error.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from encdec.params.root import KINDS, Kind

if TYPE_CHECKING:
    from encdec.retraining.document import Document

STATUS = {"refused": 10, "invalid": 20, "stopped": 30, "failed": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", metavar="PATH_OR_URL", help="new data: a folder, a table or an archive")
    parser.add_argument("--kind", choices=KINDS, help="of the batch")
    mode = "beside the data that there are, or in their place (default: append)"
    parser.add_argument("--mode", choices=("append", "replace"), default="append", help=mode)
    parser.add_argument("--monitor", type=Path, metavar="FILE", help="the JSON that `encdec monitor` wrote")
    parser.add_argument("--reason", choices=("schedule",), help="why the command is called")
    parser.add_argument(
        "--set", action="append", default=[], dest="values", metavar="KEY=VALUE", help="a value for params.yaml"
    )
    parser.add_argument("--force", action="store_true", help="whatever the policy says, also where nothing changed")
    parser.add_argument("--promote", action="store_true", help="what the gate accepts becomes the champion")
    parser.add_argument("--decide", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="print the result as JSON, and nothing else"
    )


def run(
    *,
    batch: str | None,
    kind: Kind | None,
    mode: str,
    monitor: Path | None,
    reason: str | None,
    values: list[str],
    force: bool,
    promote: bool,
    decide: bool,
    as_json: bool,
) -> None:
    if (batch is None) != (kind is None):
        raise ValueError("--batch and --kind belong together: say of new data whether they are images or pairs")
    if batch is None and mode != "append":
        raise ValueError(f"--mode {mode}: of which data? give --batch and --kind")
    from encdec.retraining.request import Request
    from encdec.retraining.retrain import retrain
    from encdec.tracking.here import open_store_here

    request = Request(
        batch=batch,
        kind=kind,
        mode="replace" if mode == "replace" else "append",
        monitor=monitor,
        scheduled=reason == "schedule",
        values=tuple(values),
        force=force,
        promote=promote,
        decide=decide,
    )
    document = retrain(open_store_here(), request)
    print(document.text() if as_json else told(document), end="" if as_json else "\n", flush=True)
    if document.outcome in STATUS:
        sys.exit(STATUS[document.outcome])


def told(document: "Document") -> str:
    """The sentence, what came of it, and where the rest is."""
    lines = [document.sentence]
    if document.details:
        lines += [f"  {line}" for line in document.details.splitlines()]
    lines += [judged.summary for judged in document.models]
    if document.outcome == "unchanged":
        lines.append("No model's weights changed: there is nothing to compare.")
    if document.retrained:
        lines.append("The text of the pull request: .work/retraining/pull-request.md")
    return "\n".join(lines)
