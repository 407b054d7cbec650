"""A project of the benchmarks' own, with data that the real stages ingested, validated and prepared."""

import os
import shutil
import subprocess
import sys
from typing import NamedTuple

from benchmarks.exchange import export_images, export_pairs
from benchmarks.parameters import Overrides, write_params
from benchmarks.places import EXCHANGE, PROJECT, ROOT
from encdec.params.root import KINDS, Kind
from encdec.tracking.digests import dvc_digest

REAL: dict[Kind, str] = {"images": "mnist", "pairs": "cmudict"}
ROOMS = ("params", "sources", "preparation")
"""What makes the data: where it was changed they are made anew."""
EMBEDDED: dict[Kind, str] = {"images": "digits", "pairs": "dates"}


class Sources(NamedTuple):
    images: str
    pairs: str

    @property
    def values(self) -> Overrides:
        return {"images.source": self.images, "pairs.source": self.pairs}


def prepare_data() -> Sources:
    """MNIST and CMUdict, downloaded or from ENCDEC_MIRROR; where one cannot be had, the embedded data in its place."""
    PROJECT.mkdir(parents=True, exist_ok=True)
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, PROJECT / name)
    chosen = dict(REAL)
    for kind in KINDS:
        if not run_stages(kind, chosen[kind]):
            told = f"{chosen[kind]} could not be prepared: {EMBEDDED[kind]} stands in its place, and figures are others"
            print(f"NOTE: {told}", file=sys.stderr)
            chosen[kind] = EMBEDDED[kind]
            if not run_stages(kind, chosen[kind]):
                raise RuntimeError(f"{chosen[kind]}: the stages failed above, though this data needs no network")
    return Sources(images=chosen["images"], pairs=chosen["pairs"])


def run_stages(kind: Kind, source: str) -> bool:
    """Ingest, validate and prepare, unless it was done; whether all went well."""
    done = EXCHANGE / kind / "source.txt"
    made_by = "\n".join((source, *(dvc_digest(ROOT / "src" / "encdec" / room) for room in ROOMS)))
    if done.is_file() and done.read_text(encoding="utf-8") == made_by:
        return True
    write_params(PROJECT / "params.yaml", {f"{kind}.source": source})
    (PROJECT / "data" / "00_source" / kind).mkdir(parents=True, exist_ok=True)
    raw, validation, prepared = f"data/01_raw/{kind}", f"data/02_validation/{kind}", f"data/03_prepared/{kind}"
    outs = [argument for split in ("train", "val", "test") for argument in (f"--{split}", f"{prepared}/{split}")]
    stages = {
        "ingest": ["--user", f"data/00_source/{kind}", "--out", raw],
        "validate": ["--raw", raw, "--out", validation],
        "prepare": ["--raw", raw, "--validation", validation, *outs, "--rejected", f"{prepared}/rejected.csv"],
    }
    for stage, arguments in stages.items():
        command = [sys.executable, str(ROOT / "pipelines" / f"{stage}.py"), kind, *arguments]
        if subprocess.run(command, cwd=PROJECT, env=environment()).returncode:
            return False
    export = export_images if kind == "images" else export_pairs
    export(PROJECT / prepared, EXCHANGE / kind)
    done.write_text(made_by, encoding="utf-8")
    return True


def environment() -> dict[str, str]:
    """Of the processes of this project: its runs stay in the benchmarks' own store, whatever the user's shell says."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_TRACKING", "DVC_"))}
    switches = {"MLFLOW_DISABLE_TELEMETRY": "true", "GX_ANALYTICS_ENABLED": "false", "PYTHONUTF8": "1"}
    return {**own, **switches, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
