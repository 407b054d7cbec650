"""Stage `prepare`: raw data -> arrays and token ids, a folder per split, and the list of rejected rows."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

import json
from contextlib import ExitStack, closing
from pathlib import Path

import pandas as pd

from encdec.command import run_command
from encdec.outs import switch_off, whole_folder, write_text
from encdec.params.data import SPLITS
from encdec.params.loading import load_params
from encdec.params.root import KINDS, Kind
from encdec.preparation.images import prepare_images
from encdec.preparation.pairs import prepare_pairs
from encdec.preparation.rejection import all_rejected
from encdec.sources.reading import iter_images
from encdec.sources.rejections import csv_text, read_rejected
from encdec.tracking.stage import tracked_stage


def main(kind: Kind, raw: Path, validation: Path, train: Path, val: Path, test: Path, rejected: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    params, outs = loaded.params, [train, val, test, rejected]
    if not params.kind_enabled(kind):
        switch_off(*outs)
        return
    section = params.data(kind)
    inputs = [raw, validation]
    with tracked_stage("prepare", loaded=loaded, item=kind, inputs=inputs, outputs=outs, section=section) as run:
        manifest = pd.read_parquet(raw / "manifest.parquet")
        with ExitStack() as stack:
            folders = {split: stack.enter_context(whole_folder(out)) for split, out in zip(SPLITS, outs, strict=False)}
            if kind == "images":
                source = json.loads((raw / "source.json").read_text(encoding="utf-8"))
                shape, fitted = params.images.shape, params.images.source == "folder"  # whose files may be large
                images = iter_images(raw, params.images, shape=shape if fitted else None)
                bad = prepare_images(
                    stack.enter_context(closing(images)),
                    manifest,
                    card_shape=shape,
                    source=source,
                    outs=folders,
                    fitted=fitted,
                )
            else:
                bad = prepare_pairs(manifest, params.pairs.selected, params.pairs.source, folders)
        at_ingest = read_rejected(raw)
        write_text(rejected, csv_text(all_rejected(at_ingest, bad)))
        run.log_metrics({"rows/rejected": float(len(bad))})
        told = f"{len(bad)} rejected and {len(at_ingest)} at ingest (listed in {rejected})"
        print(f"prepare {kind}: {len(manifest) - len(bad):,} rows ready, {told}")


if __name__ == "__main__":
    paths = {
        "raw": "the folder of the manifest",
        "validation": "the result of the suite, which must be there",
        **{split: f"the {split} folder to write" for split in SPLITS},
        "rejected": "the table of rejected rows to write",
    }
    run_command(main, __doc__, item=("kind", KINDS), paths=paths)
