"""A retraining that has begun and not ended: what the next command needs to go on with it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from encdec.outs import write_text
from encdec.params.root import Kind
from encdec.retraining.batch import Batch, Mode

STATE_FILE = "unfinished.json"
Phase = Literal["moving", "placing", "tracking", "running", "judging"]
PHASES: Sequence[Phase] = ("moving", "placing", "tracking", "running", "judging")


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Placed(Record):
    """A batch whose files lie whole beside the data (`placing.stage`)."""

    kind: Kind
    mode: Mode
    name: str
    digest: str
    rows: int

    @classmethod
    def of(cls, batch: Batch, rows: int) -> Self:
        return cls(kind=batch.kind, mode=batch.mode, name=batch.name, digest=batch.digest, rows=rows)


class Champion(Record):
    """What a challenger is measured against, as it was when the retraining began. `version`: None for HEAD's model.

    `again`: the digest of HEAD's model as it was made again here, where that gave other bytes.
    """

    version: int | None
    digest: str
    again: str | None = None


class Unfinished(Record):
    """`request`: a digest of what was asked for, so that the same command is known again. `base`: where it began.

    `inputs`: a digest of all that is read. `params`: the text that params.yaml is to have. `began`: seconds since
    1970. `names`: of the reasons, `reasons`: their texts. `code`: what of it has changed.
    """

    request: str
    inputs: str
    base: str | None
    began: float
    sentence: str
    names: tuple[str, ...]
    reasons: tuple[str, ...]
    code: tuple[str, ...]
    monitored: str | None
    batch: Placed | None
    params: str
    force: bool
    promote: bool
    champions: dict[str, Champion | None]
    phase: Phase
    run_id: str | None = None
    stages: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()

    def at(self, phase: Phase) -> bool:
        """Whether a phase is still to be done."""
        return PHASES.index(self.phase) <= PHASES.index(phase)


def read_state(work: Path) -> Unfinished | None:
    """
    Raises:
        ValueError: the file is not one of ours.
    """
    file = work / STATE_FILE
    if not file.is_file():
        return None
    try:
        return Unfinished.model_validate(json.loads(file.read_bytes()))
    except (ValueError, ValidationError) as error:
        raise ValueError(
            f"{file}: is no state of a retraining ({error}): look at data/00_source, then remove it"
        ) from error


def keep_state(work: Path, state: Unfinished) -> Unfinished:
    """Written whole or not at all."""
    write_text(work / STATE_FILE, state.model_dump_json(indent=2) + "\n")
    return state


def drop_state(work: Path) -> None:
    (work / STATE_FILE).unlink(missing_ok=True)
