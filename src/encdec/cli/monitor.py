"""Compare a batch of new data with what the models were trained on: has it shifted?

  encdec monitor scans/                         a folder with a folder for each class, or with files alone
  encdec monitor scans/index.csv                an index with the columns path and label
  encdec monitor images.npy                     (N, C, H, W) or (N, H, W) uint8, in stored units
  encdec monitor letters.tsv                    pairs: .csv .tsv .jsonl .parquet with source and perhaps target
  encdec monitor s3://bucket/may --kind images  also https://, gs://, azure://, ssh://, remote://; archives are unpacked
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
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from encdec.github import fenced, hand_on
from encdec.masking import masked

if TYPE_CHECKING:
    from encdec.params.root import Kind

STATUS = {"none": 0, "drift": 10, "invalid": 20}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("batch", metavar="BATCH", help="a folder, a file or an address; see above")
    parser.add_argument("--kind", choices=("images", "pairs"), help="where the path does not tell")
    parser.add_argument(
        "--predictions", type=Path, metavar="FILE", help="JSON lines or CSV of `encdec predict` for the same path"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for monitor.json and monitor.html")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the JSON, and nothing else")


def run(*, batch: str, kind: "Kind | None", predictions: Path | None, out: Path | None, as_json: bool) -> None:
    from encdec.monitoring.monitor import PAGE, Request, monitor
    from encdec.monitoring.terminal import result_text
    from encdec.params.loading import load_params
    from encdec.sources.member import ContentError
    from encdec.sources.received import received, table_in
    from encdec.tracking.here import open_store_here

    store = open_store_here()
    params = load_params(store.project.tree / "params.yaml").params
    with TemporaryDirectory(prefix="encdec-monitor-") as scratch:
        try:
            path = received(batch, option="BATCH", scratch=Path(scratch) / "batch")
            brought = path.is_relative_to(scratch)
            given = path if brought else Path(batch)
            if kind == "pairs" and given.is_dir():
                given = table_in(given, option="BATCH")
        except ContentError as error:
            end_as_broken(f"The batch cannot be used: {error}")
        request = Request(given, kind, predictions, out, masked(batch) if brought else None)
        outcome = monitor(store, params, request)
    text = result_text(outcome.result, outcome.folder / PAGE)
    print(outcome.result.text() if as_json else text, end="" if as_json else "\n")
    hand_on(fenced(text), {"verdict": outcome.result.verdict, "folder": str(outcome.folder)})
    status = STATUS[outcome.result.verdict]
    if status:
        sys.stdout.flush()
        sys.exit(status)


def end_as_broken(sentence: str) -> NoReturn:
    """What was had and cannot be opened, such as half an archive: there is nothing to make a page of."""
    print(sentence, file=sys.stderr)
    hand_on(fenced(sentence), {"verdict": "invalid"})
    sys.exit(STATUS["invalid"])
