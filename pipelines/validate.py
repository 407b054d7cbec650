"""Stage `validate`: the manifest against its Great Expectations suite -> validation.json and data docs, or an error."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

import json
from pathlib import Path

import pandas as pd

from encdec.command import run_command
from encdec.outs import switch_off, whole_folder
from encdec.params.loading import load_params
from encdec.params.root import KINDS, Kind
from encdec.tracking.stage import tracked_stage
from encdec.validation.validate import ValidationError, validate_images, validate_pairs


def main(kind: Kind, raw: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    if not loaded.params.kind_enabled(kind):
        switch_off(out)
        return
    images, pairs = loaded.params.images.selected, loaded.params.pairs.selected
    section = loaded.params.data(kind)
    with tracked_stage("validate", loaded=loaded, item=kind, inputs=[raw], outputs=[out], section=section) as run:
        manifest = pd.read_parquet(raw / "manifest.parquet")
        source = json.loads((raw / "source.json").read_text(encoding="utf-8"))
        if kind == "images":
            report = validate_images(manifest, images.validation, source)
        else:
            report = validate_pairs(manifest, pairs.validation, source, max_characters=pairs.max_characters)
        with whole_folder(out) as folder:
            report.write(folder)
            run.log_artifact(folder / "validation.json", "validation")
            run.log_artifact(folder / "data_docs.html", "validation")
            run.log_metrics({"errors": float(len(report.errors)), "warnings": float(len(report.warnings))})
            if report.errors:
                raise ValidationError(report)
        print(report.summary())


if __name__ == "__main__":
    run_command(
        main,
        __doc__,
        item=("kind", KINDS),
        paths={"raw": "the folder of the manifest", "out": "the folder to write"},
    )
