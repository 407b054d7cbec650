"""Stage `baselines`: linear and nearest-neighbour answers to the test split, fitted on train, chosen on val."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

from pathlib import Path

from encdec.command import run_command
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.baselines import write_image_baselines, write_noise_baselines, write_pair_baselines
from encdec.outs import switch_off, whole_folder
from encdec.params.loading import load_params
from encdec.params.root import Kind
from encdec.tracking.stage import tracked_stage

FITTED = {
    "images": "logistic regression, principal components, independent pixels",
    "noise": "Wiener filter",
    "pairs": "nearest neighbour, copy of the source",
}


def main(name: str, train: Path, val: Path, test: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    params = loaded.params
    kind: Kind = "pairs" if name == "pairs" else "images"
    if not params.kind_enabled(kind):
        switch_off(out)
        return
    seed, threads, batch_size = params.seed, params.threads, params.evaluation.batch_size
    corruption = params.models.denoising_autoencoder.corruption
    section = {"corruption": corruption.model_dump()} if name == "noise" else {}
    inputs = [train, val, test]
    with tracked_stage("baselines", loaded=loaded, item=kind, inputs=inputs, outputs=[out], section=section) as run:
        run.log_input(train, context="training")
        run.log_input(test, context="test")
        with whole_folder(out) as folder:
            match name:
                case "images":
                    known, held, asked = (ImageSplit.open(path) for path in inputs)
                    write_image_baselines(folder, train=known, val=held, test=asked, seed=seed, threads=threads)
                case "noise":
                    write_noise_baselines(
                        folder,
                        train=ImageSplit.open(train),
                        test=ImageSplit.open(test),
                        corruption=corruption,
                        batch_size=batch_size,
                        seed=seed,
                        threads=threads,
                    )
                case _:
                    write_pair_baselines(
                        folder, train=PairSplit.open(train), test=PairSplit.open(test), threads=threads
                    )
        print(f"baselines {name}: {FITTED[name]}, fitted on train, measured on test")


if __name__ == "__main__":
    paths = {split: f"the prepared {split} folder" for split in ("train", "val", "test")}
    run_command(main, __doc__, item=("name", tuple(FITTED)), paths={**paths, "out": "the folder to write"})
