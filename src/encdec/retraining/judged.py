"""One model after a retraining: beside the champion on the old and the new test rows, then through the gate."""

from pathlib import Path
from typing import NamedTuple

from encdec.models.storage import load_model
from encdec.params.root import Kind, ModelName, Params
from encdec.progress import note as say
from encdec.promotion.compare import Stored, opponent_of
from encdec.promotion.decision import Decision
from encdec.promotion.promote import Outcome, Request, promote
from encdec.report.numbers import signed, with_interval
from encdec.retraining.base import COMMIT_CHARACTERS, Base, restore
from encdec.retraining.document import Judged, Rows
from encdec.retraining.measured import Both, compared, measure_both, not_among
from encdec.retraining.mistakes import draw_mistakes, list_mistakes, turned
from encdec.retraining.slices import slice_lines
from encdec.retraining.state import Champion
from encdec.tracking.locked import LOCK_FILE, read_dvc_lock
from encdec.tracking.registry import fetch_model
from encdec.tracking.retrained import champion_of, kept_decision
from encdec.tracking.store import Store, reached

CHAMPION = "champion"


class Opposed(NamedTuple):
    """The champion with its name in words, or why there is none to measure. `incomparable`: there is one, of another
    task."""

    label: str | None
    stored: Stored | None
    incomparable: str | None


class Fixed(NamedTuple):
    """The check on the test rows of the last commit. `rows`: None where it could not be made. `keys`: of those rows."""

    rows: Rows | None
    passed: bool
    reason: str
    keys: list[str] | None = None


class Case(NamedTuple):
    """What a model is judged in. `champion`: as it was before the retraining. `out`: the folder of retrain.json."""

    store: Store
    params: Params
    base: Base
    name: ModelName
    champion: Champion | None
    scratch: Path
    out: Path

    @property
    def kind(self) -> Kind:
        return self.params.models.named(self.name).kind


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
    fixed = check_fixed(case, challenger, opposed, test, both)
    asked = Request(name, not (move and fixed.passed), note, replace_incomparable=False, other_data=False, again=False)
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
        notes=(f"the champion cannot be measured here: {opposed.incomparable}",) if opposed.incomparable else (),
        fixed_reason=fixed.reason,
        fixed_passed=fixed.passed,
        gate=None,
        accepted=False,
        promoted=False,
        summary="",
    )


def find_opponent(case: Case, challenger: Stored) -> Opposed:
    """The champion of the registry, else the model that the last commit's dvc.lock names."""
    champion, store, scratch = case.champion, case.store, case.scratch / CHAMPION
    if champion is None:
        return Opposed(None, None, None)
    label = f"the model of commit {(case.base.commit or '')[:COMMIT_CHARACTERS]}"
    if champion.version is not None:
        label = f"version {champion.version}, the champion of the registry"
    try:
        if champion.version is not None:
            with reached(store):
                folder = fetch_model(store, f"models:/{case.name}/{champion.version}", to=scratch)
        else:
            model = case.base.model(case.name)
            found = restore(store.project, *model, scratch=scratch) if model is not None else None
            if found is None:
                return Opposed(None, None, None)
            folder = found
        return Opposed(label, opponent_of(challenger, folder), None)
    except ValueError as error:  # Incomparable, or its files are lost or broken
        return Opposed(label, None, str(error))


def measured(test: Path, challenger: Stored, opposed: Opposed, params: Params) -> tuple[Both, Opposed]:
    """Both on all test rows of now; a champion that cannot be measured there is left out, and told."""
    if opposed.stored is not None:
        try:
            return measure_both(test, challenger, opposed.stored, params), opposed
        except ValueError as error:
            opposed = opposed._replace(stored=None, incomparable=str(error))
    return measure_both(test, challenger, None, params), opposed


def check_fixed(case: Case, challenger: Stored, opposed: Opposed, test: tuple[str, str], now: Both) -> Fixed:
    """Whether the challenger is not worse on the rows that the last commit was measured on.

    New rows may be easier than the old ones, and hide that something was forgotten.

    Args:
        test: the name and the digest of the test split of now, on which `now` was measured.
    """
    old = case.base.test(case.kind)
    if old is None:
        return Fixed(None, True, "not measured on the test rows of the last commit: it has no dvc.lock with some")
    folder = None if old == test else restore(case.store.project, *old, scratch=case.scratch)
    if folder is None and old != test:
        lost = "not measured on the test rows of the last commit: they are neither in DVC's cache nor in its remote"
        return Fixed(None, True, lost)
    try:
        both = now if folder is None else measure_both(folder, challenger, opposed.stored, case.params)
    except ValueError as error:
        return Fixed(None, opposed.label is None, f"cannot be measured on the test rows of the last commit: {error}")
    rows, keys = compared(both, case.params), list(both.keys)
    if opposed.incomparable is not None:
        return Fixed(rows, False, f"{opposed.label} cannot be compared: {opposed.incomparable}", keys)
    line = rows.metrics[0]
    if line.gain is None:
        return Fixed(rows, True, "there is no champion to compare with", keys)
    limit = -case.params.gate(case.name).margin
    return Fixed(rows, line.gain.low >= limit, gain_sentence(rows, opposed, limit, case.params), keys)


def gain_sentence(rows: Rows, opposed: Opposed, limit: float, params: Params) -> str:
    line = rows.metrics[0]
    assert line.gain is not None
    shown = with_interval(line.gain.value, line.gain.low, line.gain.high, plus=True)
    return (
        f"gain in {line.metric} over {opposed.label} on the {rows.rows:,} {rows.unit} of the last commit's test split: "
        f"{shown} at {params.promotion.confidence * 100:g} % confidence; its lower end must be "
        f"{signed(f'{limit:g}')} or more"
    )


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
