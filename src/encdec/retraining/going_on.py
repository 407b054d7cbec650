"""The phases of a retraining, each of which can be begun again: data in place, `dvc repro`, comparison and gate."""

import shutil
from pathlib import Path
from typing import NamedTuple

from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName, Params
from encdec.retraining.base import Base
from encdec.retraining.case import Case
from encdec.retraining.changes import PARAMS_FILE
from encdec.retraining.differences import data_lines, parameter_lines
from encdec.retraining.document import FORMAT, Document, Judged, Outcome
from encdec.retraining.dvc import check_remote
from encdec.retraining.pipeline import ReproFailed, fetch_results, run_repro
from encdec.retraining.placing import move_away, place
from encdec.retraining.request import Places
from encdec.retraining.state import Phase, Placed, Unfinished, keep_state
from encdec.retraining.versioned import track_again
from encdec.tracking.git import git
from encdec.tracking.locked import LOCK_FILE, read_dvc_lock
from encdec.tracking.retrained import repro_run
from encdec.tracking.store import Store


class Trained(NamedTuple):
    """`problem`: why `dvc repro` did not end well. `repro`: its run in MLflow."""

    state: Unfinished
    outcome: Outcome | None
    problem: str | None
    repro: str | None


def put_in_place(places: Places, state: Unfinished, *, with_values: bool = True) -> Unfinished:
    """The batch into data/00_source, the values into params.yaml.

    Args:
        with_values: not where the params.yaml of another commit lies here now.
    """
    batch = state.batch
    if batch is not None:
        user_dir = places.source / batch.kind
        if state.at("moving") and batch.mode == "replace":
            move_away(user_dir, aside_of(places, batch))
            state = next_phase(places, state, "placing")
        if state.at("placing"):
            place(places.staged, user_dir)
            state = next_phase(places, state, "tracking")
    if state.at("tracking"):
        if with_values:
            write_text(places.tree / PARAMS_FILE, state.params)
        if batch is not None:
            track_again(places.tree, places.source, batch.kind)
        state = next_phase(places, state, "running")
    shutil.rmtree(places.staged, ignore_errors=True)
    return state


def aside_of(places: Places, batch: Placed) -> Path:
    """Where the data go that a batch takes the place of."""
    return places.aside / f"{batch.kind}-before-{batch.name}"


def next_phase(places: Places, state: Unfinished, phase: Phase) -> Unfinished:
    return keep_state(places.work, state.model_copy(update={"phase": phase}))


def train(store: Store, places: Places, state: Unfinished) -> Trained:
    """`dvc repro`, where it has not ended yet."""
    if not state.at("running"):
        return Trained(state, None, None, None)
    policy = load_params(places.tree / PARAMS_FILE).params.retraining
    check_remote(places.tree, needed=policy.remote)
    fetch_results(places.tree)
    try:
        ran = run_repro(places.tree, places.work, hours=policy.hours, force=state.force)
    except ReproFailed as error:
        return Trained(state, "failed", f"`dvc repro` failed: {error}", None)
    done = {"stages": (*state.stages, *ran.stages), "restored": (*state.restored, *ran.restored)}
    state = state.model_copy(update=done)
    run_id = repro_run(store, ran.process)
    if not ran.in_time:
        keep_state(places.work, state)
        told = f"`dvc repro` was stopped after {policy.hours:g} hours, which params.yaml: retraining.hours allows"
        return Trained(state, "stopped", f"{told}; the next `encdec retrain` goes on", run_id)
    return Trained(next_phase(places, state, "judging"), None, None, run_id)


def judge(store: Store, places: Places, state: Unfinished, base: Base, params: Params) -> tuple[Judged, ...]:
    """Every model whose weights are not those of the last commit."""
    from encdec.retraining.judged import judge_model  # torch: it takes seconds

    cases = [
        Case(store, params, base, name, state.champions.get(name), scratch=places.scratch / name, out=places.results)
        for name in changed_models(places, params, base)
    ]
    return tuple(judge_model(case, note=state.sentence, move=state.promote) for case in cases)


def changed_models(places: Places, params: Params, base: Base) -> list[ModelName]:
    now = Base(None, read_dvc_lock(places.tree / LOCK_FILE), {})
    return [name for name in MODEL_NAMES if params.model_enabled(name) and now.model(name) != base.model(name)]


def describe(
    store: Store,
    places: Places,
    state: Unfinished,
    base: Base,
    params: Params,
    *,
    outcome: Outcome,
    details: str | None,
    models: tuple[Judged, ...],
    run_id: str,
) -> Document:
    """All that is known at the end, or where it had to stop."""
    ended = outcome in ("accepted", "refused", "unchanged")
    return Document(
        format=FORMAT,
        sentence=state.sentence,
        outcome=outcome,
        retrained=ended,
        accepted=outcome in ("accepted", "unchanged"),
        changed=is_changed(places),
        promoted=any(judged.promoted for judged in models),
        reasons=state.names,
        texts=state.reasons,
        monitored=state.monitored,
        details=details,
        base=base.commit,
        batch=state.batch,
        data=tuple(data_lines(store.project, params, base)) if ended else (),
        parameters=parameter_lines(places.tree, base),
        code=state.code,
        models=models,
        stages=state.stages,
        restored=state.restored,
        run_id=run_id,
        done=None,
        undo=tuple(undo(places, state, models)),
    )


def undo(places: Places, state: Unfinished, models: tuple[Judged, ...]) -> list[str]:
    """In Markdown; the names in it are ours."""
    lines = ["Before it is merged: close this pull request."]
    lines.append("After it is merged: `git revert` it, then `dvc checkout`: nothing is trained again.")
    lines.append("In the clone where it ran, uncommitted: `git restore params.yaml dvc.lock data && dvc checkout`.")
    for judged in models:
        if judged.promoted and judged.gate is not None:
            back = f"The champion of before: `{judged.gate.undo}`."
            lines.append(
                back if judged.gate.undo else f"{judged.model} had no champion before, so there is none to go back to."
            )
    if any(judged.accepted and not judged.promoted for judged in models):
        lines.append("No champion was moved: `encdec promote MODEL` does that, and `encdec rollback MODEL` undoes it.")
    if state.batch is not None and state.batch.mode == "replace":
        aside = aside_of(places, state.batch).relative_to(places.tree)
        lines.append(f"The data that were replaced lie in `{aside.as_posix()}`, where the retraining ran.")
    elif state.batch is not None:
        lines.append(f"The data of this batch alone: remove `{state.batch.name}` below `data/00_source`, and retrain.")
    return lines


def is_changed(places: Places) -> bool:
    """Whether there is something to commit: results, parameters or data."""
    return bool((git(places.tree, "status", "--porcelain", "--", LOCK_FILE, PARAMS_FILE, "data") or "").strip())
