"""The ended trials of a study on the disk: a study that was killed goes on after them, with the same next trial."""

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Literal, Protocol

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from pydantic import BaseModel, ConfigDict, ValidationError

from encdec.outs import write_json
from encdec.params.search import Scalar
from encdec.progress import note

Distributions = Mapping[str, BaseDistribution]


class TrialLog(Protocol):
    """Where a trial is recorded while the study runs."""

    def log_params(self, params: Mapping[str, object]) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None: ...

    def end(self, status: str, tags: Mapping[str, str]) -> None: ...


class TrialRecord(BaseModel):
    """All that a study and its log know of a trial that came to its end.

    `number`: from 0. `score`: Optuna's value; of a pruned trial the last one reported. `reported`: the scores that the
    pruner saw, by epoch from 0. `epochs`: the metrics to log, by epoch from 1; they alone may be NaN or infinite,
    which JSON has as texts. `distributions`: as JSON of Optuna's. `reason`: why it was pruned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    number: int
    state: Literal["COMPLETE", "PRUNED"]
    score: float | None
    params: dict[str, Scalar]
    distributions: dict[str, str]
    reported: dict[int, float]
    epochs: dict[int, dict[str, float]]
    best_epoch: int | None
    reason: str | None

    @classmethod
    def of(
        cls,
        trial: FrozenTrial,
        *,
        epochs: Mapping[int, Mapping[str, float]],
        best_epoch: int | None,
        reason: str | None,
    ) -> "TrialRecord":
        return cls.model_validate(
            {
                "number": trial.number,
                "state": trial.state.name,
                "score": trial.value,
                "params": trial.params,
                "distributions": as_texts(trial.distributions),
                "reported": trial.intermediate_values,
                "epochs": epochs,
                "best_epoch": best_epoch,
                "reason": reason,
            }
        )

    def trial(self) -> FrozenTrial:
        """The trial as Optuna had it, but for its times.

        Raises:
            ValueError: there is no such trial, e.g. a value lies outside of its distribution.
        """
        return create_trial(
            state=TrialState[self.state],
            value=self.score,
            params=dict(self.params),
            distributions={key: json_to_distribution(text) for key, text in self.distributions.items()},
            intermediate_values=self.reported,
        )

    def log_to(self, log: TrialLog) -> None:
        log.log_params(self.params)
        if self.state == "COMPLETE" and self.score is not None and self.best_epoch is not None:
            log.log_metrics({"best_score": self.score, "best_epoch": float(self.best_epoch)})
        for epoch, metrics in self.epochs.items():
            log.log_metrics(metrics, step=epoch)
        status = "FINISHED" if self.state == "COMPLETE" else "KILLED"
        log.end(status, {"optuna.state": self.state, **({"optuna.reason": self.reason} if self.reason else {})})


def write_record(folder: Path, record: TrialRecord) -> None:
    write_json(file_of(folder, record.number), json.loads(record.model_dump_json()))


def read_records(folder: Path, distributions: Distributions) -> list[TrialRecord]:
    """The trials that ended, in their order, up to the first one that is missing or is not of this study.

    What lies behind it is removed: each trial was chosen by those before it.
    """
    records: list[TrialRecord] = []
    for number in count():
        file = file_of(folder, number)
        try:
            records.append(read_record(file, number, distributions))
        except FileNotFoundError:
            break
        except ValueError as error:
            note(f"{file} cannot be used ({in_short(error)}): trial {number + 1} and those after it are run again")
            break
    used = {file_of(folder, record.number) for record in records}
    for file in set(folder.glob(file_of(folder, "*").name)) - used:
        file.unlink()
    return records


def read_record(file: Path, number: int, distributions: Distributions) -> TrialRecord:
    """Raises:
    FileNotFoundError: there is none.
    ValueError: it is not a record, or one of another trial.
    """
    record = TrialRecord.model_validate_json(file.read_bytes())
    if record.number != number:
        raise ValueError(f"it is of trial {record.number + 1}")
    if record.distributions != as_texts(distributions):
        raise ValueError("it is of a study with another search")
    record.trial()
    return record


def file_of(folder: Path, number: int | Literal["*"]) -> Path:
    return folder / f"trial_{number if number == '*' else number + 1}.json"


def as_texts(distributions: Distributions) -> dict[str, str]:
    return {key: distribution_to_json(each) for key, each in distributions.items()}


def in_short(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return ": ".join([*(str(part) for part in first["loc"][:1]), first["msg"]])
    return str(error)
