"""Stage `train`: prepared data and tuned values -> weights, the spec that built them, and the history."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.command import run_command
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.storage import save_model
from encdec.outs import switch_off, whole_folder, write_text
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName
from encdec.tracking.run import Training
from encdec.tracking.stage import tracked_stage
from encdec.training.checkpoints import Checkpoints
from encdec.training.fitting import fit, open_data, resident, use_threads
from encdec.training.precision import computing


def example(split: ImageSplit | PairSplit) -> NDArray[np.float32] | list[str]:
    """Three inputs to show what the model takes."""
    if isinstance(split, ImageSplit):
        return split.batch(np.arange(3)).images.numpy()
    return split.rows["source"].head(3).tolist()


def main(model: ModelName, train: Path, val: Path, tuning: Path, lock: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    if not loaded.params.model_enabled(model):
        switch_off(out)
        return
    use_threads(loaded.params.threads)
    best = json.loads((tuning / "best.json").read_text(encoding="utf-8"))
    spec = loaded.resolve(model, best)
    section = spec.model_dump(exclude={"enabled", "tuning"})  # what made the model: the rest would hide it
    inputs, decides = [train, val, tuning], [computing(loaded.params.accelerator)]
    with tracked_stage(
        "train", loaded=loaded, item=model, inputs=inputs, outputs=[out], section=section, decides=decides
    ) as run:
        different = run.log_versions(lock)
        if different:
            print(f"note: {len(different)} packages differ from {lock}: {', '.join(different[:5])}")
        run.log_input(train, context="training")
        run.log_input(val, context="validation")
        data = resident(open_data(spec.kind, train=train, val=val), loaded.params.accelerator)
        checkpoints = Checkpoints(run.state_folder("checkpoints"), loaded.params.checkpoint_seconds)
        began = time.monotonic()
        fitted = fit(
            model,
            spec,
            data=data,
            seed=loaded.params.seed,
            max_epochs=spec.training.max_epochs,
            max_steps=spec.training.max_steps,
            checkpoints=checkpoints,
            accelerator=loaded.params.accelerator,
            label=f"train {model}",
            on_epoch=lambda epoch, metrics: run.log_metrics(metrics, step=epoch),
        )
        seconds = time.monotonic() - began
        run.set_tags({"computed_in": fitted.computed_in})
        with whole_folder(out) as folder:
            save_model(folder, name=model, spec=spec, card=data.card, network=fitted.network, vocabulary=train)
            write_text(folder / "history.csv", pd.DataFrame(fitted.history).to_csv(index=False))
        run.log_training(
            Training(
                monitor=spec.monitor,
                best_score=fitted.best_score,
                best_epoch=fitted.best_epoch,
                epochs=len(fitted.history),
                num_parameters=sum(each.numel() for each in fitted.network.parameters()),
                train_seconds=seconds,
                tuned=tuple(best),
            )
        )
        run.log_model(out, example=example(data.val))
        epochs = f"epoch {fitted.best_epoch} of {len(fitted.history)}"
        print(f"train {model}: best {spec.monitor} {fitted.best_score:.4f} in {epochs}, whose weights were kept")


if __name__ == "__main__":
    paths = {"train": "the prepared train folder", "val": "the prepared val folder"}
    paths |= {"tuning": "the result of the tune stage", "lock": "the exact versions", "out": "the folder to write"}
    run_command(main, __doc__, item=("model", MODEL_NAMES), paths=paths)
