"""An Optuna study for one model, on train and val alone."""

import math
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, Protocol

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState
from pytorch_lightning import Callback, LightningModule, Trainer

from encdec.params.data import TuningRules
from encdec.params.root import Accelerator, ModelName, ModelSpec, Space, Values
from encdec.params.search import Choices, Scalar
from encdec.progress import LINE_SECONDS, duration, is_terminal, note
from encdec.signals import asked_to_stop
from encdec.training.fitting import Data, fit
from encdec.tuning.databases import StorageUnavailable
from encdec.tuning.records import TrialLog, TrialRecord, read_records, write_record
from encdec.tuning.shared import SharedStudy, SharedTrial


class StudyLog(Protocol):
    """Where a study is recorded: a child per trial, of which some may be there from an interrupted study."""

    def child(self, name: str) -> TrialLog: ...

    def has_ended(self, name: str) -> bool: ...


class Outcome(NamedTuple):
    """`best`: values by dotted key, empty where nothing is searched; `table`: a row per trial, counted from 1."""

    best: dict[str, Scalar]
    best_score: float | None
    table: pd.DataFrame


class Pruning(Callback):
    """Reports the score of every epoch to Optuna and stops a trial that the pruner gives up.

    Args:
        row: of the trial in a shared database, which is told as well.
    """

    def __init__(self, trial: Trial, monitor: str, *, row: SharedTrial | None) -> None:
        self.trial = trial
        self.monitor = monitor
        self.row = row

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        epoch = trainer.current_epoch
        score = float(trainer.callback_metrics[self.monitor])
        if not math.isfinite(score):
            raise optuna.TrialPruned(f"{self.monitor} is {score} after epoch {epoch + 1}")
        self.trial.report(score, epoch)
        if self.row is not None:
            self.row.report(score, epoch)
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
    log: StudyLog,
    records: Path,
    accelerator: Accelerator,
    shared: SharedStudy | None = None,
) -> Outcome:
    """Try `trials` settings of the space and return the one whose best epoch has the lowest score.

    The sampler is seeded anew for every trial by (seed, number), so that a trial's values depend on the trials
    before it and on nothing else. Ended trials are kept in the folder `records`: a study that was interrupted and is
    started again replays them, runs the trial that was under way from its start, and ends in the same table.

    Args:
        shared: the same study in a team's database, which is told about every trial.

    Raises:
        ValueError: no trial ended with a finite score.
        StorageUnavailable: the team's database was lost.
    """
    if not space:
        return Outcome({}, None, trials_table([], space))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    study = optuna.create_study(direction="minimize", pruner=build_pruner(rules))
    distributions = build_distributions(space)
    kept = read_records(records, distributions)
    replay(study, kept, log)
    if shared is not None:
        shared.replay(kept)
    if kept:
        note(f"tune {name}: {len(kept)} of {trials} trials of an interrupted study are kept, and it goes on")
    began = said = monotonic()  # Optuna's own times move with the clock of the system
    for number in range(len(kept), trials):
        study.sampler = build_sampler(rules, seed=seed * 1_000_003 + number)
        trial = study.ask(distributions)
        row = shared.begin(number, trial.params, trial.distributions) if shared is not None else None
        record = run_trial(
            name,
            trial,
            study=study,
            resolve=resolve,
            data=data,
            seed=seed,
            trials=trials,
            log=log.child(child_name(number)),
            accelerator=accelerator,
            row=row,
        )
        write_record(records, record)
        if row is not None:
            row.end(record)
        now = monotonic()
        if is_terminal() or now - said >= LINE_SECONDS:
            said = now
            print(progress_line(name, study.trials, of=trials, before=len(kept), seconds=now - began), flush=True)
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ValueError(f"none of the {trials} trials of {name} ended with a finite score: widen or lower its search")
    best = {key: study.best_trial.params[key] for key in space}
    return Outcome(best, float(study.best_value), trials_table(study.trials, space))


def replay(study: optuna.Study, records: list[TrialRecord], log: StudyLog) -> None:
    """Put ended trials into a study; into its log too where that is not the interrupted study's own."""
    for record in records:
        study.add_trial(record.trial())
        name = child_name(record.number)
        if not log.has_ended(name):
            record.log_to(log.child(name))


def child_name(number: int) -> str:
    return f"trial {number + 1}"


def progress_line(name: ModelName, done: list[FrozenTrial], *, of: int, before: int, seconds: float) -> str:
    """`seconds` were needed for all but the first `before` trials, which an interrupted study had done."""
    last = done[-1]
    scores = [trial.value for trial in done if trial.state is TrialState.COMPLETE and trial.value is not None]
    score = f"{last.value:.4f}" if last.state is TrialState.COMPLETE else last.state.name.lower()
    left = seconds / (len(done) - before) * (of - len(done))
    best = f", best {min(scores):.4f}" if scores else ""
    return f"tune {name}: trial {len(done)} of {of}: {score}{best} ({duration(seconds)}, about {duration(left)} left)"


def run_trial(
    name: ModelName,
    trial: Trial,
    *,
    study: optuna.Study,
    resolve: Callable[[Values], ModelSpec],
    data: Data,
    seed: int,
    trials: int,
    log: TrialLog,
    accelerator: Accelerator,
    row: SharedTrial | None,
) -> TrialRecord:
    spec = resolve(trial.params)
    epochs: dict[int, dict[str, float]] = {}
    best_epoch, reason = None, None
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
            on_epoch=lambda epoch, metrics: epochs.update({epoch: dict(metrics)}),
            callbacks=[Pruning(trial, spec.monitor, row=row)],
            label=f"tune {name}, trial {trial.number + 1} of {trials}",
        )
        best_epoch = fitted.best_epoch
        study.tell(trial, fitted.best_score)
    except optuna.TrialPruned as pruned:
        reason = str(pruned)
        study.tell(trial, state=TrialState.PRUNED)
    except BaseException as error:
        if row is not None and not asked_to_stop(error):  # what was stopped goes on in its row
            with suppress(StorageUnavailable):
                row.fail()
        log.log_params(trial.params)
        log.end("KILLED" if asked_to_stop(error) else "FAILED", {"optuna.state": "FAIL"})
        raise
    record = TrialRecord.of(study.trials[trial.number], epochs=epochs, best_epoch=best_epoch, reason=reason)
    record.log_to(log)
    return record


def build_distributions(space: Space) -> dict[str, BaseDistribution]:
    distributions: dict[str, BaseDistribution] = {}
    for key, search in space.items():
        if isinstance(search, Choices):
            distributions[key] = CategoricalDistribution(search.choices)
        elif search.kind == "int":
            distributions[key] = IntDistribution(int(search.low), int(search.high), log=search.log)
        else:
            distributions[key] = FloatDistribution(search.low, search.high, log=search.log)
    return distributions


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
