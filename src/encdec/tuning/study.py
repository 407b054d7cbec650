"""An Optuna study for one model, on train and val alone."""

import math
import warnings
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, NamedTuple, Protocol

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, Trial, TrialState
from pytorch_lightning import Callback, LightningModule, Trainer

from encdec.params.data import TuningRules
from encdec.params.root import Accelerator, ModelName, ModelSpec, Space, Values
from encdec.params.search import Choices, Scalar
from encdec.progress import LINE_SECONDS, duration, is_terminal
from encdec.signals import asked_to_stop
from encdec.training.fitting import Data, fit


class TrialLog(Protocol):
    """Where a trial is recorded while the study runs."""

    def log_params(self, params: Mapping[str, object]) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None: ...

    def end(self, status: str, tags: Mapping[str, str]) -> None: ...


class Outcome(NamedTuple):
    """`best`: values by dotted key, empty where nothing is searched; `table`: a row per trial, counted from 1."""

    best: dict[str, Scalar]
    best_score: float | None
    table: pd.DataFrame


class Pruning(Callback):
    """Reports the score of every epoch to Optuna and stops a trial that the pruner gives up."""

    def __init__(self, trial: Trial, monitor: str) -> None:
        self.trial = trial
        self.monitor = monitor

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        epoch = trainer.current_epoch
        score = float(trainer.callback_metrics[self.monitor])
        if not math.isfinite(score):
            raise optuna.TrialPruned(f"{self.monitor} is {score} after epoch {epoch + 1}")
        self.trial.report(score, epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"worse than the median after epoch {epoch + 1}")


def run_study(
    name: ModelName,
    *,
    space: Space,
    resolve: Callable[[Values], ModelSpec],
    rules: TuningRules,
    data: Data,
    seed: int,
    trials: int,
    open_trial: Callable[[str], TrialLog],
    accelerator: Accelerator,
) -> Outcome:
    """Try `trials` settings of the space and return the one whose best epoch has the lowest score.

    The sampler is seeded anew for every trial by (seed, number), so that a trial's values depend on the trials
    before it and on nothing else.

    Raises:
        ValueError: no trial ended with a finite score.
    """
    if not space:
        return Outcome({}, None, trials_table([], space))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    study = optuna.create_study(direction="minimize", pruner=build_pruner(rules))
    began = said = monotonic()  # Optuna's own times move with the clock of the system
    for number in range(trials):
        study.sampler = build_sampler(rules, seed=seed * 1_000_003 + number)
        trial = study.ask()
        run_trial(
            name,
            trial,
            study=study,
            space=space,
            resolve=resolve,
            data=data,
            seed=seed,
            trials=trials,
            open_trial=open_trial,
            accelerator=accelerator,
        )
        now = monotonic()
        if is_terminal() or now - said >= LINE_SECONDS:
            said = now
            print(progress_line(name, study.trials, of=trials, seconds=now - began), flush=True)
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ValueError(f"none of the {trials} trials of {name} ended with a finite score: widen or lower its search")
    return Outcome(dict(study.best_trial.params), float(study.best_value), trials_table(study.trials, space))


def progress_line(name: ModelName, done: list[FrozenTrial], *, of: int, seconds: float) -> str:
    last = done[-1]
    scores = [trial.value for trial in done if trial.state is TrialState.COMPLETE and trial.value is not None]
    score = f"{last.value:.4f}" if last.state is TrialState.COMPLETE else last.state.name.lower()
    left = seconds / len(done) * (of - len(done))
    best = f", best {min(scores):.4f}" if scores else ""
    return f"tune {name}: trial {len(done)} of {of}: {score}{best} ({duration(seconds)}, about {duration(left)} left)"


def run_trial(
    name: ModelName,
    trial: Trial,
    *,
    study: optuna.Study,
    space: Space,
    resolve: Callable[[Values], ModelSpec],
    data: Data,
    seed: int,
    trials: int,
    open_trial: Callable[[str], TrialLog],
    accelerator: Accelerator,
) -> None:
    values = suggest(trial, space)
    log = open_trial(f"trial {trial.number + 1}")
    log.log_params(values)
    spec = resolve(values)
    epochs: list[tuple[int, dict[str, float]]] = []
    try:
        fitted = fit(
            name,
            spec,
            data=data,
            seed=seed,
            max_epochs=spec.tuning.max_epochs,
            max_steps=spec.tuning.max_steps,
            checkpoints=None,
            accelerator=accelerator,
            on_epoch=lambda epoch, metrics: epochs.append((epoch, dict(metrics))),
            callbacks=[Pruning(trial, spec.monitor)],
            label=f"tune {name}, trial {trial.number + 1} of {trials}",
        )
    except optuna.TrialPruned as reason:
        study.tell(trial, state=TrialState.PRUNED)
        record(log, epochs, state="PRUNED", tags={"optuna.reason": str(reason)})
        return
    except BaseException as error:
        log.end("KILLED" if asked_to_stop(error) else "FAILED", {"optuna.state": "FAIL"})
        raise
    study.tell(trial, fitted.best_score)
    log.log_metrics({"best_score": fitted.best_score, "best_epoch": float(fitted.best_epoch)})
    record(log, epochs, state="COMPLETE", tags={})


def record(log: TrialLog, epochs: list[tuple[int, dict[str, float]]], *, state: str, tags: Mapping[str, str]) -> None:
    for epoch, metrics in epochs:
        log.log_metrics(metrics, step=epoch)
    log.end("FINISHED" if state == "COMPLETE" else "KILLED", {"optuna.state": state, **tags})


def suggest(trial: Trial, space: Space) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for key, search in space.items():
        if isinstance(search, Choices):
            choice: Any = trial.suggest_categorical(key, search.choices)
            values[key] = choice
        elif search.kind == "int":
            values[key] = trial.suggest_int(key, int(search.low), int(search.high), log=search.log)
        else:
            values[key] = trial.suggest_float(key, search.low, search.high, log=search.log)
    return values


def build_sampler(rules: TuningRules, *, seed: int) -> optuna.samplers.BaseSampler:
    match rules.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=rules.startup_trials)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)


def build_pruner(rules: TuningRules) -> optuna.pruners.BasePruner:
    match rules.pruner:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=rules.startup_trials, n_warmup_steps=1)
        case "none":
            return optuna.pruners.NopPruner()


def trials_table(trials: list[FrozenTrial], space: Space) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for trial in trials:
        reported = trial.intermediate_values
        rows.append(
            {
                "trial": trial.number + 1,
                "state": trial.state.name,
                "score": trial.value if trial.state is TrialState.COMPLETE else None,
                "epochs": len(reported),
                "last_score": reported[max(reported)] if reported else None,
                **{key: trial.params[key] for key in space},
            }
        )
    return pd.DataFrame(rows, columns=["trial", "state", "score", "epochs", "last_score", *space])
