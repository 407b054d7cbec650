"""The check on the fixed test rows, those of the last commit: new rows may be easy, and hide what was forgotten."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from encdec.params.root import Params
from encdec.promotion.compare import Stored
from encdec.report.numbers import signed, with_interval
from encdec.retraining.base import Base, restore
from encdec.retraining.case import Case
from encdec.retraining.document import Rows
from encdec.retraining.learned import learned_rows
from encdec.retraining.measured import Both, compared, measure_both, unit_of
from encdec.retraining.opponent import REMEDY, Opposed

NOTHING_BEFORE = "there is no champion to compare with"
OF_THEN = "of the last commit's test split"


class Fixed(NamedTuple):
    """`rows`: None where it could not be made. `keys`: of all those rows. `note`: how many were left out, why."""

    rows: Rows | None
    passed: bool
    reason: str
    keys: list[str] | None = None
    note: str | None = None


def check_fixed(case: Case, challenger: Stored, opposed: Opposed, locked: Base, now: Both) -> Fixed:
    """Whether the challenger is not worse on the rows that the last commit was measured on.

    Where there was a model before and this cannot be found out, it is not passed.

    Args:
        locked: the dvc.lock of now, on whose test split `now` was measured.
    """
    first = opposed.label is None
    old, test = case.base.test(case.kind), locked.test(case.kind)
    if old is None:
        lost = f"not measured on the test rows of the last commit: it has no dvc.lock with some: {REMEDY}"
        return Fixed(None, first, NOTHING_BEFORE if first else lost)
    folder = None if old == test else restore(case.store.project, *old, scratch=case.scratch)
    if folder is None and old != test:
        lost = f"the test rows of the last commit are neither in DVC's cache here nor in a remote: {REMEDY}"
        return Fixed(None, first, NOTHING_BEFORE if first else lost)
    try:
        both = now if folder is None else measure_both(folder, challenger, opposed.stored, case.params)
        learned = learned_rows(both.split, trained_on(case, locked))
    except ValueError as error:
        return Fixed(None, first, f"cannot be measured on the test rows of the last commit: {error}")
    return judged_on(case, opposed, both, learned)


def trained_on(case: Case, locked: Base) -> list[Path]:
    """The folders of now that training and the choice of a model read."""
    found = (locked.out(f"prepare@{case.kind}", split) for split in ("train", "val"))
    return [case.store.project.tree / out[0] for out in found if out is not None]


def judged_on(case: Case, opposed: Opposed, both: Both, learned: np.ndarray) -> Fixed:
    """By the rows that are left."""
    keys, total, note, kept = list(both.keys), len(both.keys), None, None
    if len(learned):
        unit = unit_of(both.split)
        note = (
            f"{len(learned):,} of the {total:,} {unit} {OF_THEN} are in the train or val split now: they were learned "
            "from, and are left out of the comparison"
        )
        kept = np.setdiff1d(np.arange(total), learned)
        if not len(kept):
            told = (
                f"all {total:,} {unit} {OF_THEN} are in the train or val split now, so that nothing can be compared on "
                "them: leave the split as it was, or judge by hand"
            )
            return Fixed(None, opposed.label is None, told, keys)
    rows = compared(both, case.params, kept)
    if opposed.incomparable is not None:
        return Fixed(rows, False, f"{opposed.label} cannot be compared: {opposed.incomparable}", keys, note)
    line = rows.metrics[0]
    if opposed.label is None:
        return Fixed(rows, True, NOTHING_BEFORE, keys, note)
    if line.gain is None:
        told = f"{opposed.label} cannot be compared: its {line.metric} counts in another vocabulary"
        return Fixed(rows, False, told, keys, note)
    least = case.params.promotion.min_rows
    if rows.rows < least:
        told = f"{rows.rows:,} {rows.unit} {OF_THEN} are too few to compare on: promotion.min_rows asks for {least:,}"
        return Fixed(rows, False, told, keys, note)
    limit = -case.params.gate(case.name).margin
    return Fixed(rows, line.gain.low >= limit, gain_sentence(rows, opposed, limit, case.params), keys, note)


def gain_sentence(rows: Rows, opposed: Opposed, limit: float, params: Params) -> str:
    line = rows.metrics[0]
    assert line.gain is not None
    shown = with_interval(line.gain.value, line.gain.low, line.gain.high, plus=True)
    return (
        f"gain in {line.metric} over {opposed.label} on the {rows.rows:,} {rows.unit} {OF_THEN}: "
        f"{shown} at {params.promotion.confidence * 100:g} % confidence; its lower end must be "
        f"{signed(f'{limit:g}')} or more"
    )
