"""One model after a retraining: beside the champion on the old and the new test rows, then through the gate."""

from pathlib import Path
from typing import NamedTuple

from encdec.models.storage import load_model
from encdec.params.root import ModelName, Params
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
from encdec.tracking.retrained import kept_decision
from encdec.tracking.store import Store, reached

CHAMPION = "champion"


class Opposed(NamedTuple):
    """The champion with its name in words, or why there is none to measure. `incomparable`: there is one, of another
    task."""

    label: str | None
    stored: Stored | None
    incomparable: str | None


class Fixed(NamedTuple):
    """The check on the test rows of the last commit. `rows`: None where it could not be made."""

    rows: Rows | None
    passed: bool
    reason: str


def judge_model(
    store: Store,
    params: Params,
    base: Base,
    name: ModelName,
    champion: Champion | None,
    *,
    note: str,
    move: bool,
    scratch: Path,
    out: Path,
) -> Judged:
    """
    Args:
        champion: as it was before the retraining.
        note: why, for the decision.
        move: whether an accepted one becomes the champion.
        out: the folder of retrain.json.

    Raises:
        ValueError: what lies here is not what dvc.lock says.
    """
    say(f"retrain {name}: measuring it beside the champion")
    tree, kind = store.project.tree, params.models.named(name).kind
    locked = Base(None, read_dvc_lock(tree / LOCK_FILE), {})
    model, test = locked.model(name), locked.test(kind)
    if model is None or test is None:
        raise ValueError(f"dvc.lock: {name} was not trained, or its test rows not prepared: run `make repro`")
    challenger = Stored(tree / model[0], load_model(tree / model[0]))
    opposed = find_opponent(store, base, challenger, name, champion, scratch=scratch / CHAMPION)
    both, opposed = measured(tree / test[0], challenger, opposed, params)
    old = base.test(kind)
    folder = None
    if old is not None:
        folder = tree / test[0] if old[1] == test[1] else restore(store.project, *old, scratch=scratch)
    fixed, keys = check_fixed(folder, challenger, opposed, params, name, base, same=both if old == test else None)
    fresh = not_among(both.keys, keys) if keys is not None else not_among([], [])
    whole = compared(both, params)
    changed = turned(both.ours.columns, both.theirs.columns) if both.theirs is not None else None
    mistakes = list_mistakes(both, changed.rows, new=fresh.tolist()) if changed is not None else ()
    outcome = promote(store, params, Request(name, not (move and fixed.passed), note, False, False))
    decision = outcome.decision or earlier_decision(store, name, outcome, champion)
    accepted = fixed.passed and (decision is None or decision.accepted)
    return Judged(
        model=name,
        metric=both.headline.name,
        higher_is_better=both.headline.higher_is_better,
        champion=opposed.label,
        fixed=fixed.rows,
        new=compared(both, params, fresh) if len(fresh) else None,
        whole=whole,
        slices=slice_lines(both, params),
        mistakes=mistakes,
        num_mistakes=changed.num_mistakes if changed is not None else 0,
        num_mended=changed.num_mended if changed is not None else 0,
        pictures=draw_mistakes(both, changed.rows, mistakes, name, out) if changed is not None else (),
        notes=(f"the champion cannot be measured here: {opposed.incomparable}",) if opposed.incomparable else (),
        fixed_reason=fixed.reason,
        fixed_passed=fixed.passed,
        gate=decision,
        accepted=accepted,
        promoted=bool(move and accepted and decision is not None),
        summary=summary_of(name, fixed, decision, outcome),
    )


def find_opponent(
    store: Store, base: Base, challenger: Stored, name: ModelName, champion: Champion | None, *, scratch: Path
) -> Opposed:
    """The champion of the registry, else the model that the last commit's dvc.lock names."""
    if champion is None:
        return Opposed(None, None, None)
    if champion.version is not None:
        label = f"version {champion.version}, the champion of the registry"
    else:
        label = f"the model of commit {(base.commit or '')[:COMMIT_CHARACTERS]}"
    try:
        with reached(store):
            if champion.version is not None:
                folder = fetch_model(store, f"models:/{name}/{champion.version}", to=scratch)
            else:
                model = base.model(name)
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


def check_fixed(
    folder: Path | None,
    challenger: Stored,
    opposed: Opposed,
    params: Params,
    name: ModelName,
    base: Base,
    *,
    same: Both | None,
) -> tuple[Fixed, list[str] | None]:
    """Whether the challenger is not worse on the rows that the last commit was measured on, and what those rows are.

    New rows may be easier than the old ones, and hide that something was forgotten.

    Args:
        folder: the test split of the last commit; None where it is not to be had.
        same: both on these very rows, where they were measured already.
    """
    if folder is None:
        why = "they are neither in DVC's cache nor in its remote" if base.stages else "the last commit has no dvc.lock"
        return Fixed(None, True, f"not measured on the test rows of the last commit: {why}"), None
    try:
        both = same or measure_both(folder, challenger, opposed.stored, params)
    except ValueError as error:
        return Fixed(
            None, opposed.label is None, f"cannot be measured on the test rows of the last commit: {error}"
        ), None
    rows, keys = compared(both, params), list(both.keys)
    if opposed.incomparable is not None:
        return Fixed(rows, False, f"{opposed.label} cannot be compared: {opposed.incomparable}"), keys
    line = rows.metrics[0]
    if line.gain is None:
        return Fixed(rows, True, "there is no champion to compare with"), keys
    limit = -params.gate(name).margin
    shown = with_interval(line.gain.value, line.gain.low, line.gain.high, plus=True)
    reason = (
        f"gain in {line.metric} over {opposed.label} on the {rows.rows:,} {rows.unit} of the last commit's test split: "
        f"{shown} at {params.promotion.confidence * 100:g} % confidence; its lower end must be "
        f"{signed(f'{limit:g}')} or more"
    )
    return Fixed(rows, line.gain.low >= limit, reason), keys


def earlier_decision(store: Store, name: ModelName, outcome: Outcome, before: Champion | None) -> Decision | None:
    """Where a killed command had moved the champion already: the decision that it kept."""
    with reached(store):
        from encdec.tracking.retrained import champion_of

        version = champion_of(store, name)
        if version is None or (before is not None and before.version == version):
            return None
        kept = kept_decision(store, name, version)
    return Decision.model_validate_json(kept) if kept else None


def summary_of(name: ModelName, fixed: Fixed, decision: Decision | None, outcome: Outcome) -> str:
    if not fixed.passed:
        return f"{name} is refused: {fixed.reason}."
    return decision.sentence if decision is not None else f"{outcome.said}."
