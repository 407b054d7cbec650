"""What came out when a run was made again, beside what it was."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = 1
"""Of the JSON; another number means that a key has gone or means something else."""


class Compared(NamedTuple):
    """An out of then beside that of now. `now` is None where it was not made; `differences`: in words."""

    stage: str
    path: str
    then: str
    now: str | None
    differences: Sequence[str]

    @property
    def identical(self) -> bool:
        return self.then == self.now


class Verdict(NamedTuple):
    """`ran`: the stages that ran again, in their order. `changed`: what around them is not as it was.

    `reasons`: why outs differ, as far as that is known; empty where they are identical. `tree`: where it was kept.
    """

    run_id: str
    stage: str
    commit: str
    ran: Sequence[str]
    outs: Sequence[Compared]
    changed: Sequence[str]
    reasons: Sequence[str]
    tree: Path | None

    @property
    def identical(self) -> bool:
        return all(out.identical for out in self.outs)

    def document(self) -> dict[str, Any]:
        """As JSON has it; see docs/lineage.md."""
        return {
            "format": FORMAT,
            "run_id": self.run_id,
            "stage": self.stage,
            "commit": self.commit,
            "ran": list(self.ran),
            "identical": self.identical,
            "outs": [{**out._asdict(), "identical": out.identical} for out in self.outs],
            "changed": list(self.changed),
            "reasons": list(self.reasons),
            "tree": str(self.tree) if self.tree else None,
        }
