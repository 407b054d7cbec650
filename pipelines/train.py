"""Stage `train`: prepared data and tuned values -> weights, the spec that built them, and the history."""

import json
from pathlib import Path

import pandas as pd

from encdec.command import run_command
from encdec.models.storage import save_model
from encdec.outs import switch_off, whole_folder, write_text
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName
from encdec.tracking.stage import tracked_stage
from encdec.training.fitting import discard_checkpoints, fit, open_data, use_threads


def main(model: ModelName, train: Path, val: Path, tuning: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    if not loaded.params.model_enabled(model):
        switch_off(out)
        return
    use_threads(loaded.params.threads)
    spec = loaded.resolve(model, json.loads((tuning / "best.json").read_text()))
    inputs, section = [train, val, tuning], {model: spec.model_dump()}
    with tracked_stage("train", loaded=loaded, item=model, inputs=inputs, outputs=[out], section=section) as run:
        data = open_data(spec.kind, train=train, val=val)
        checkpoints = Path(".work/checkpoints") / run.key
        fitted = fit(
            model,
            spec,
            data=data,
            seed=loaded.params.seed,
            max_epochs=spec.training.max_epochs,
            max_steps=spec.training.max_steps,
            checkpoints=checkpoints,
            on_epoch=lambda epoch, metrics: run.log_metrics(metrics, step=epoch),
        )
        with whole_folder(out) as folder:
            save_model(folder, name=model, spec=spec, card=data.card, network=fitted.network, vocabulary=train)
            write_text(folder / "history.csv", pd.DataFrame(fitted.history).to_csv(index=False))
        run.log_metrics({"best_epoch": float(fitted.best_epoch), f"best_{spec.monitor}": fitted.best_score})
        run.log_model(out, example=data.val)
        discard_checkpoints(checkpoints)
        print(f"train {model}: best {spec.monitor} {fitted.best_score:.4f} in epoch {fitted.best_epoch}")


if __name__ == "__main__":
    paths = {"train": "the prepared train folder", "val": "the prepared val folder"}
    paths |= {"tuning": "the result of the tune stage", "out": "the folder to write"}
    run_command(main, __doc__, item=("model", MODEL_NAMES), paths=paths)
