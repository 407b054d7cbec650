"""Stage `tune`: an Optuna study on train and val -> the best values of the searched keys and the table of trials."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

from pathlib import Path

from encdec.command import run_command
from encdec.outs import switch_off, table_text, whole_folder, write_json, write_text
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName
from encdec.tracking.stage import tracked_stage
from encdec.training.fitting import open_data, resident, use_threads
from encdec.training.precision import computing
from encdec.tuning.databases import open_storage
from encdec.tuning.shared import share
from encdec.tuning.study import run_study


def main(model: ModelName, train: Path, val: Path, out: Path) -> None:
    loaded = load_params(Path("params.yaml"))
    params, spec = loaded.params, loaded.params.models.named(model)
    if not params.model_enabled(model):
        switch_off(out)
        return
    use_threads(params.threads)
    section = {**loaded.sections[model], "study": params.tuning.model_dump()}  # the same names as in other models
    inputs, decides = [train, val], [computing(params.accelerator)]
    space = loaded.space(model)
    storage = open_storage() if space else None  # a database that cannot be used is said before there is a run
    with tracked_stage(
        "tune", loaded=loaded, item=model, inputs=inputs, outputs=[out], section=section, decides=decides
    ) as run:
        run.log_input(train, context="training")
        run.log_input(val, context="validation")
        records, shared = run.state_folder("studies"), None
        if storage is not None:
            shared = share(storage, label=f"{params.tracking.experiment}/{model}", records=records)
            shared.describe({"mlflow.run_id": run.run_id})
            run.set_tags({"optuna.study": shared.name})
        outcome = run_study(
            model,
            space=space,
            resolve=lambda values: loaded.resolve(model, values),
            rules=params.tuning,
            data=resident(open_data(spec.kind, train=train, val=val), params.accelerator),
            seed=params.seed,
            trials=spec.tuning.trials,
            log=run,
            records=records,
            accelerator=params.accelerator,
            shared=shared,
        )
        with whole_folder(out) as folder:
            write_json(folder / "best.json", outcome.best)
            write_text(folder / "trials.csv", table_text(outcome.table))
        run.log_artifact(out / "trials.csv", "tuning")
        if outcome.best_score is None:
            print(f"tune {model}: nothing to search: every value is fixed in params.yaml")
        else:
            run.log_metrics({"best_score": outcome.best_score})
            pruned = int((outcome.table["state"] == "PRUNED").sum())
            trials = f"{len(outcome.table)} trials, of which {pruned} pruned"
            print(f"tune {model}: best {spec.monitor} {outcome.best_score:.4f} of {trials}: {outcome.best}")


if __name__ == "__main__":
    run_command(
        main,
        __doc__,
        item=("model", MODEL_NAMES),
        paths={"train": "the prepared train folder", "val": "the prepared val folder", "out": "the folder to write"},
    )
