"""Stage `ingest`: a named source -> its files and manifest.parquet, a row per sample with its split."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

from pathlib import Path

import pandas as pd

from encdec.command import run_command
from encdec.outs import switch_off, whole_folder
from encdec.params.data import SPLITS
from encdec.params.loading import load_params
from encdec.params.root import KINDS, Kind
from encdec.sources.ingest import ingest_images, ingest_pairs
from encdec.sources.rejections import REJECTED_FILE, read_rejected, rejected_beside
from encdec.tracking.stage import tracked_stage


def main(kind: Kind, user: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    if not loaded.params.kind_enabled(kind):
        switch_off(out)
        return
    section = loaded.params.data(kind)
    with tracked_stage("ingest", loaded=loaded, item=kind, inputs=[user], outputs=[out], section=section) as run:
        with rejected_beside(out), whole_folder(out) as folder:
            if kind == "images":
                ingest_images(loaded.params.images, user_dir=user, out=folder)
            else:
                ingest_pairs(loaded.params.pairs, user_dir=user, out=folder)
        splits = pd.read_parquet(out / "manifest.parquet", columns=["split"])["split"]
        counts = {split: int((splits == split).sum()) for split in SPLITS}
        run.log_metrics({f"rows/{split}": float(count) for split, count in counts.items()})
        rejected = len(read_rejected(out))
        run.log_metrics({"rows/rejected": float(rejected)})
        told = f", {rejected:,} rejected (listed in {out / REJECTED_FILE})" if rejected else ""
        shares = ", ".join(f"{split} {count:,}" for split, count in counts.items())
        print(f"ingest {kind}: {len(splits):,} rows from {loaded.params.source_name(kind)} ({shares}){told}")


if __name__ == "__main__":
    run_command(
        main,
        __doc__,
        item=("kind", KINDS),
        paths={"user": "the folder of a user's own data", "out": "the folder to write"},
    )
