"""Writes an accepted decision down and moves the champion; what is kept is what really became of it."""

from typing import NamedTuple

from encdec.promotion.decision import Aliases, Decision
from encdec.promotion.records import keep, settle, tag_rolled_back
from encdec.tracking import aliases
from encdec.tracking.aliases import Moved, Pointers, TurnLost
from encdec.tracking.store import Store


class Done(NamedTuple):
    """The decision as it is kept, and where a person finds its page."""

    decision: Decision
    page: str


def keep_and_move(store: Store, decision: Decision, *, version: int, seen: Pointers, turn: str) -> Done:
    """Keep the decision, and make the version the champion.

    Raises:
        Moved: the champion is another one than that which was seen; nothing was moved, and what is kept says so.
        TurnLost: likewise, another promotion has begun.
    """
    aliases.check_turn(store, decision.model, seen=seen, turn=turn)
    kept = keep(store, decision)
    try:
        moved = aliases.move_champion(store, decision.model, version, seen=seen, turn=turn)
    except (Moved, TurnLost) as reason:
        undone = {"accepted": False, "sentence": f"{reason}.", "after": decision.before, "undo": None}
        keep(store, decision.model_copy(update=undone), run_id=kept.run_id)
        raise
    settle(store, decision.model, version)
    if decision.action == "rollback":
        tag_rolled_back(
            store, decision, kept.run_id
        )  # another promotion may have found it in use still, and settled it
    after = Aliases(**moved._asdict())
    if after != decision.after:  # an alias that this account may not remove
        decision = decision.model_copy(update={"after": after})
        keep(store, decision, run_id=kept.run_id)
    return Done(decision, kept.page)
