"""One model after a retraining: beside the champion on the old and the new test rows, then through the gate."""

from encdec.models.storage import load_model
from encdec.params.root import ModelName
from encdec.progress import note as say
from encdec.promotion.compare import Stored
from encdec.promotion.decision import Decision
from encdec.promotion.promote import Outcome, promote
from encdec.promotion.request import Request
from encdec.retraining.base import Base, recorded_metrics
from encdec.retraining.case import Case
from encdec.retraining.document import Judged
from encdec.retraining.fixed import Fixed, check_fixed
from encdec.retraining.measured import Both, compared, not_among
from encdec.retraining.mistakes import draw_mistakes, list_mistakes, turned
from encdec.retraining.opponent import Opposed, find_opponent, measured
from encdec.retraining.slices import slice_lines
from encdec.tracking.locked import LOCK_FILE, read_dvc_lock
from encdec.tracking.retrained import champion_of, kept_decision
from encdec.tracking.store import reached


def judge_model(case: Case, *, note: str, move: bool) -> Judged:
    """
    Args:
        note: why, for the decision.
        move: whether an accepted one becomes the champion.

    Raises:
        ValueError: what lies here is not what dvc.lock says.
    """
    name = case.name
    say(f"retrain {name}: measuring it beside the champion")
    tree, locked = case.store.project.tree, Base(None, read_dvc_lock(case.store.project.tree / LOCK_FILE), {})
    model, test = locked.model(name), locked.test(case.kind)
    if model is None or test is None:
        raise ValueError(f"dvc.lock: {name} was not trained, or its test rows not prepared: run `make repro`")
    challenger = Stored(tree / model[0], load_model(tree / model[0]))
    both, opposed = measured(tree / test[0], challenger, find_opponent(case, challenger), case.params)
    fixed = check_fixed(case, challenger, opposed, locked, both)
    asked = Request(
        name,
        not (move and fixed.passed),
        note,
        replace_incomparable=False,
        other_data=False,
        again=False,
        retraining=True,
    )
    outcome = promote(case.store, case.params, asked)
    decision = outcome.decision or earlier_decision(case)
    accepted = fixed.passed and (decision is None or decision.accepted)
    return described(case, both, opposed, fixed).model_copy(
        update={
            "gate": decision,
            "accepted": accepted,
            "promoted": bool(move and accepted and decision is not None),
            "summary": summary_of(name, fixed, decision, outcome),
        }
    )


def described(case: Case, both: Both, opposed: Opposed, fixed: Fixed) -> Judged:
    """What was measured, before the gate was asked."""
    params, theirs = case.params, both.theirs
    fresh = not_among(both.keys, both.keys if fixed.keys is None else fixed.keys)
    changed = turned(both.ours.columns, theirs.columns) if theirs is not None else None
    mistakes = list_mistakes(both, changed.rows, new=fresh.tolist()) if changed is not None else ()
    return Judged(
        model=case.name,
        metric=both.headline.name,
        higher_is_better=both.headline.higher_is_better,
        champion=opposed.label,
        fixed=fixed.rows,
        new=compared(both, params, fresh) if len(fresh) else None,
        whole=compared(both, params),
        slices=slice_lines(both, params),
        mistakes=mistakes,
        num_mistakes=changed.num_mistakes if changed is not None else 0,
        num_mended=changed.num_mended if changed is not None else 0,
        pictures=draw_mistakes(both, changed.rows, mistakes, case.name, case.out) if changed is not None else (),
        notes=notes_of(opposed, fixed),
        recorded=recorded_metrics(case.store.project.tree, case.base, case.name) if opposed.incomparable else {},
        fixed_reason=fixed.reason,
        fixed_passed=fixed.passed,
        gate=None,
        accepted=False,
        promoted=False,
        summary="",
    )


def notes_of(opposed: Opposed, fixed: Fixed) -> tuple[str, ...]:
    """What could not be measured, and why."""
    said = f"{opposed.label} cannot be measured here: {opposed.incomparable}" if opposed.incomparable else None
    return tuple(note for note in (said, fixed.note) if note is not None)


def earlier_decision(case: Case) -> Decision | None:
    """Where a killed command had moved the champion already: the decision that it kept."""
    store = case.store
    with reached(store):
        version = champion_of(store, case.name)
        if version is None or (case.champion is not None and case.champion.version == version):
            return None
        kept = kept_decision(store, case.name, version)
    return Decision.model_validate_json(kept) if kept else None


def summary_of(name: ModelName, fixed: Fixed, decision: Decision | None, outcome: Outcome) -> str:
    if not fixed.passed:
        return f"{name} is refused: {fixed.reason}."
    return decision.sentence if decision is not None else f"{outcome.said}."
