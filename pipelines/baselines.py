"""Stage `baselines`: linear and nearest-neighbour answers to the test split, fitted on train, once per kind of data."""

from pathlib import Path

from encdec.command import run_command
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.baselines import write_image_baselines, write_pair_baselines
from encdec.outs import switch_off, whole_folder
from encdec.params.loading import load_params
from encdec.params.root import KINDS, Kind
from encdec.tracking.stage import tracked_stage


def main(kind: Kind, train: Path, val: Path, test: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    params = loaded.params
    if not params.kind_enabled(kind):
        switch_off(out)
        return
    corruption = params.models.denoising_autoencoder.corruption
    section = {"evaluation": params.evaluation.model_dump(), "corruption": corruption.model_dump()}
    inputs = [train, val, test]
    with (
        tracked_stage("baselines", loaded=loaded, item=kind, inputs=inputs, outputs=[out], section=section),
        whole_folder(out) as folder,
    ):
        if kind == "images":
            write_image_baselines(
                folder,
                train=ImageSplit.open(train),
                val=ImageSplit.open(val),
                test=ImageSplit.open(test),
                corruption=corruption,
                batch_size=params.evaluation.batch_size,
                seed=params.seed,
                threads=params.threads,
            )
        else:
            splits = PairSplit.open(train), PairSplit.open(test)
            write_pair_baselines(folder, train=splits[0], test=splits[1], threads=params.threads)


if __name__ == "__main__":
    paths = {split: f"the prepared {split} folder" for split in ("train", "val", "test")}
    run_command(main, __doc__, item=("kind", KINDS), paths={**paths, "out": "the folder to write"})
