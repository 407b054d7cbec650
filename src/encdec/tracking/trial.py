"""The run of one Optuna trial, a child of its tuning run."""

from collections.abc import Mapping

from encdec.tracking.flat import flattened
from encdec.tracking.operations import Batch, End
from encdec.tracking.outbox import Outbox
from encdec.tracking.recorder import clean_params, clean_tags, points_of
from encdec.tracking.store import now_ms

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
    """What it records is sent at its end: a trial of seconds then costs three calls, not fifty.

    Args:
        run: its run id, or the key by which the outbox knows it.
        continued: an earlier process began it.
    """

    def __init__(self, outbox: Outbox, run: str, *, continued: bool) -> None:
        self.outbox = outbox
        self.run = run
        self.continued = continued

    def log_params(self, params: Mapping[str, object]) -> None:
        self.outbox.put(Batch(run=self.run, params=clean_params(flattened(params))), later=True)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        points, tags = points_of(metrics, step)
        self.outbox.put(Batch(run=self.run, metrics=points, tags=tags, continued=self.continued), later=True)

    def end(self, status: str, tags: Mapping[str, str]) -> None:
        """Close the run; a state of Optuna's is kept as the tag `optuna.state` too.

        Raises:
            ValueError: the status is neither MLflow's nor Optuna's.
        """
        if status not in STATUS:
            raise ValueError(f"trial {self.run}: status {status!r} is not one of {', '.join(STATUS)}")
        state = {"optuna.state": status} if status in ("COMPLETE", "PRUNED", "FAIL") else {}
        self.outbox.put(Batch(run=self.run, tags=clean_tags({**state, **tags})), later=True)
        self.outbox.put(End(run=self.run, status=STATUS[status], at=now_ms()))
