"""Puts the champion before this one back; done twice, it is as it was."""

from encdec.masking import masked
from encdec.promotion.decision import Aliases, Decision
from encdec.promotion.moving import keep_and_move
from encdec.promotion.promote import Outcome, describe_champion, now, one_at_a_time
from encdec.promotion.whole import check_version
from encdec.tracking import aliases
from encdec.tracking.aliases import DECISION_TAG, Moved, Pointers
from encdec.tracking.store import Store, reached

ACCEPTED = ("accepted", "rolled back")


def rollback(store: Store, model: str, *, to: int | None, note: str | None) -> Outcome:
    """Make the previous champion the champion, and the champion the previous one.

    Args:
        to: another version, which the gate must have accepted once.
        note: why.

    Raises:
        ValueError: there is no such version (the message names those that there are), or its files are lost.
    """
    with one_at_a_time(store, model), reached(store):
        if aliases.find_registered(store, model) is None:
            raise ValueError(f"no model {model} is registered: `encdec promote {model}` registers it")
        turn = aliases.take_turn(store, model)
        aliases.mend_previous(store, model)
        before = aliases.read_pointers(store, model)
        target = find_target(store, model, before, to)
        if target == before.champion:
            return Outcome(None, None, f"{model} version {target} is the champion already: nothing moves")
        check_version(store, model, target)
        decision = decide(store, model, target, before, note)
        try:
            done = keep_and_move(store, decision, version=target, seen=before, turn=turn)
        except Moved as moved:
            raise ValueError(f"{moved}: nothing was moved here; look at its decision, then run this again") from moved
        return Outcome(done.decision, done.page, done.decision.sentence)


def find_target(store: Store, model: str, before: Pointers, to: int | None) -> int:
    versions = {int(each.version): each.tags.get(DECISION_TAG) for each in aliases.versions_of(store, model)}
    accepted = [number for number, word in versions.items() if word in ACCEPTED]
    known = f"accepted so far: {', '.join(str(each) for each in accepted) or 'none'}"
    if to is None:
        if before.previous is None:
            raise ValueError(f"{model} has no previous champion to go back to; name a version with --to ({known})")
        return before.previous
    if to not in versions:
        raise ValueError(f"{model} has no version {to}; its versions are {', '.join(str(each) for each in versions)}")
    if to not in (*accepted, before.previous, before.champion):
        word = versions[to] or "never judged"
        raise ValueError(f"{model} version {to} was {word} by the gate, so it is no version to go back to ({known})")
    return to


def decide(store: Store, model: str, target: int, before: Pointers, note: str | None) -> Decision:
    candidate = describe_champion(store, model, target)
    assert candidate is not None
    left = f" in place of version {before.champion}" if before.champion is not None else ""
    return Decision(
        action="rollback",
        model=model,
        accepted=True,
        sentence=f"{model} version {target} is the champion again{left}.",
        note=masked(note) if note else None,
        candidate=candidate,
        champion=describe_champion(store, model, before.champion),
        checks=(),
        metrics=(),
        test=None,
        rules={},
        before=Aliases(**before._asdict()),
        after=Aliases(**aliases.after_move(before, target)._asdict()),
        undo=f"encdec rollback {model}" if before.champion is not None else None,
        surroundings=now(store),
    )
