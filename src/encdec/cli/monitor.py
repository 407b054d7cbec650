"""Compare a batch of new data with what the models were trained on: has it shifted?

  encdec monitor scans/                         a folder with a folder for each class, or with files alone
  encdec monitor scans/index.csv                an index with the columns path and label
  encdec monitor images.npy                     (N, C, H, W) or (N, H, W) uint8, in stored units
  encdec monitor letters.tsv                    pairs: .csv .tsv .jsonl .parquet with source and perhaps target
  encdec monitor scans/ --predictions answers.jsonl    with what `encdec predict` answered then

It reads the prepared data and the trained models as dvc.lock has them: train for the data themselves, val for what
models say. The result lies in .work/monitoring/<digest>/ (monitor.json, monitor.html) and in MLflow as a run with the
tag stage = monitor. How the tests share one rate of false alarms: docs/monitoring.md; what they ask: `monitoring` in
params.yaml.

Status: 0 no shift was found; 10 drift; 20 the data are invalid, and nothing was compared; 1 an error.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from encdec.params.root import Kind

STATUS = {"none": 0, "drift": 10, "invalid": 20}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("batch", type=Path, metavar="BATCH", help="a folder or a file; see above")
    parser.add_argument("--kind", choices=("images", "pairs"), help="where the path does not tell")
    parser.add_argument(
        "--predictions", type=Path, metavar="FILE", help="JSON lines or CSV of `encdec predict` for the same path"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for monitor.json and monitor.html")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the JSON, and nothing else")


def run(*, batch: Path, kind: "Kind | None", predictions: Path | None, out: Path | None, as_json: bool) -> None:
    from encdec.monitoring.monitor import PAGE, Request, monitor
    from encdec.monitoring.terminal import result_text
    from encdec.params.loading import load_params
    from encdec.tracking.here import open_store_here

    store = open_store_here()
    params = load_params(store.project.tree / "params.yaml").params
    outcome = monitor(store, params, Request(batch, kind, predictions, out))
    if as_json:
        print(outcome.result.text(), end="")
    else:
        print(result_text(outcome.result, outcome.folder / PAGE))
    status = STATUS[outcome.result.verdict]
    if status:
        sys.stdout.flush()
        sys.exit(status)
