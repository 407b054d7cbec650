"""The run of one Optuna trial, a child of its tuning run."""

from collections.abc import Mapping

from encdec.tracking.recorder import Recorder
from encdec.tracking.store import end_run

STATUS = {
    "FINISHED": "FINISHED",
    "COMPLETE": "FINISHED",
    "PRUNED": "KILLED",
    "KILLED": "KILLED",
    "FAIL": "FAILED",
    "FAILED": "FAILED",
}
"""The statuses of MLflow and the states of Optuna, as MLflow's statuses: it has none for a pruned trial."""


class TrialRun:
    """Give it a recorder that sends at the end alone: a trial of seconds then costs three calls, not fifty."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    @property
    def run_id(self) -> str:
        return self.recorder.run_id

    def log_params(self, params: Mapping[str, object]) -> None:
        self.recorder.log_params(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.recorder.log_metrics(metrics, step)

    def end(self, status: str, tags: Mapping[str, str]) -> None:
        """Close the run; a state of Optuna's is kept as the tag `optuna.state` too.

        Raises:
            ValueError: the status is neither MLflow's nor Optuna's.
        """
        if status not in STATUS:
            raise ValueError(f"trial {self.run_id}: status {status!r} is not one of {', '.join(STATUS)}")
        state = {"optuna.state": status} if status in ("COMPLETE", "PRUNED", "FAIL") else {}
        self.recorder.set_tags({**state, **tags})
        self.recorder.flush()
        end_run(self.recorder.store, self.run_id, STATUS[status])
