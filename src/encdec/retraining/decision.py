"""Whether to train anew: facts and the policy of params.yaml -> a decision and one sentence. Nothing is read here."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from encdec.params.retraining import Retraining, Trigger
from encdec.retraining.changes import Change, Kind
from encdec.retraining.monitored import Monitored

Name = Literal["schedule", "new_data", "data", "drift", "code", "parameters", "forced", "first", "outs"]
URGENT: tuple[Name, ...] = ("forced", "first", "outs", "code", "parameters")
"""They do not wait: somebody has changed something, and dvc.lock does not say what lies here until it is run."""
MOST_NAMED = 3
WEEK = timedelta(days=7)


class NewData(NamedTuple):
    """A batch. `rows`: that can be used. `replaces`: it takes the place of what there was."""

    kind: str
    rows: int
    replaces: bool


class Facts(NamedTuple):
    """`new_data`: None without a batch, and with one that is there already. `forced`, `scheduled`: as asked for."""

    changes: Sequence[Change]
    new_data: NewData | None
    monitored: Monitored | None
    scheduled: bool
    forced: bool


class Earlier(NamedTuple):
    """A retraining that ended: its run in MLflow, or None where only a commit of dvc.lock tells of it."""

    what: str
    at: datetime


class Same(NamedTuple):
    """A retraining of the very same data, parameters and code, which did not find its way into dvc.lock here."""

    run_id: str
    what: str
    at: datetime
    outcome: str


class History(NamedTuple):
    """`state`: what dvc.lock comes from. `last`: the last retraining. `week`: how many there were in seven days."""

    state: Earlier | None
    last: Earlier | None
    week: int
    same: Same | None = None


class Reason(NamedTuple):
    name: Name
    text: str


class Decision(NamedTuple):
    """`reasons`: all that there is to do, where it retrains; else those that did not suffice.

    `done`: the retraining that has done it already.
    """

    retrain: bool
    sentence: str
    reasons: tuple[Reason, ...]
    done: Same | None = None


def decide(facts: Facts, policy: Retraining, history: History, *, now: datetime) -> Decision:
    """One sentence says why it does or does not retrain.

    Args:
        now: with a time zone.
    """
    work = tuple(work_of(facts))
    if not work and not facts.forced:
        return Decision(False, nothing_to_do(facts, history), ())
    if history.same is not None and not facts.forced:
        return Decision(False, done_before(history.same), work, history.same)
    counted = [reason for reason in work if counts(reason, facts, policy)]
    if facts.forced:
        counted = [*work, Reason("forced", "it was forced")]
    if not counted:
        return Decision(False, f"Not retraining: {too_little(work, facts, policy)}.", work)
    if not any(reason.name in URGENT for reason in counted):
        wait = must_wait(policy, history, now)
        if wait is not None:
            return Decision(False, f"Not retraining: {joined(told(work))}, but {wait}.", work)
    reasons = (*work, *occasions(facts, policy))
    return Decision(True, sentence_of(reasons, forced_alone=not work), reasons)


def work_of(facts: Facts) -> Iterator[Reason]:
    """What there is for DVC to do."""
    if facts.new_data is not None:
        batch = facts.new_data
        what = "data in place of the old" if batch.replaces else "new data"
        yield Reason("new_data", f"{what} ({counted_rows(batch.rows)} of {batch.kind})")
    words: dict[Kind, str] = {"first": "never run", "data": "changed data", "code": "changed code"}
    words |= {"outs": "results that are not those of dvc.lock"}
    for kind in get_args(Kind):
        names = [change.name for change in facts.changes if change.kind == kind]
        if kind == "data" and facts.new_data is not None:
            names = [name for name in names if not name.endswith(f"/{facts.new_data.kind}")]
        if not names:
            continue
        if kind == "first":
            yield Reason("first", f"nothing was trained yet here ({named(names)})")
        elif kind == "parameters":
            yield Reason(kind, f"{'changed parameters' if len(names) > 1 else 'a changed parameter'} ({named(names)})")
        else:
            yield Reason(kind, f"{words[kind]} ({named(names)})")


def occasions(facts: Facts, policy: Retraining) -> Iterator[Reason]:
    """What is no work by itself, but a reason to do it now."""
    if drifted(facts) and facts.monitored is not None:
        yield Reason("drift", f"drift ({facts.monitored.sentence})")
    if facts.scheduled and "schedule" in policy.triggers:
        yield Reason("schedule", "on schedule")
    if facts.forced:
        yield Reason("forced", "forced")


def counts(reason: Reason, facts: Facts, policy: Retraining) -> bool:
    """Whether it is enough by itself; on a schedule, and with a drift, all that is new is."""
    if reason.name in ("first", "outs"):
        return True
    if facts.scheduled and "schedule" in policy.triggers:
        return True
    if reason.name in ("new_data", "data") and drifted(facts) and "drift" in policy.triggers:
        return True
    if reason.name not in policy.triggers:
        return False
    if reason.name == "new_data" and facts.new_data is not None:
        return facts.new_data.rows >= policy.min_new_rows
    return True


def drifted(facts: Facts) -> bool:
    return facts.monitored is not None and facts.monitored.verdict == "drift"


def too_little(work: Sequence[Reason], facts: Facts, policy: Retraining) -> str:
    """Why none of what there is to do is enough."""
    few = facts.new_data is not None and "new_data" in policy.triggers
    if few and facts.new_data is not None and facts.new_data.rows < policy.min_new_rows:
        return (
            f"{counted_rows(facts.new_data.rows, new=True)}, and retraining.min_new_rows asks for "
            f"{policy.min_new_rows:,}"
        )
    names: list[Trigger] = [each for each in get_args(Trigger) if each in {reason.name for reason in work}]
    return f"{joined(told(work))}, but retraining.triggers does not name {' or '.join(names)}"


def must_wait(policy: Retraining, history: History, now: datetime) -> str | None:
    """Why this is not the time; None: it is."""
    if history.last is not None:
        hours = (now - history.last.at).total_seconds() / 3600
        if hours < policy.cooldown_hours:
            ago = f"{hours:.1f} hours ago" if hours >= 1 else f"{max(0.0, hours * 60):.0f} minutes ago"
            asked = f"retraining.cooldown_hours asks for {policy.cooldown_hours:g}"
            return f"the last retraining ({history.last.what}) was {ago}, and {asked}"
    if history.week >= policy.per_week:
        return f"there were {history.week} retrainings in seven days, and retraining.per_week allows {policy.per_week}"
    return None


def nothing_to_do(facts: Facts, history: History) -> str:
    since = (
        f"nothing changed since {history.state.what} of {history.state.at:%Y-%m-%d}"
        if history.state
        else "nothing changed"
    )
    if drifted(facts) and facts.monitored is not None:
        return (
            f"Not retraining: there is drift ({facts.monitored.sentence}), but no new data to learn from: {since}; "
            "give some with --batch, or --force it."
        )
    return f"Not retraining: {since}."


def done_before(same: Same) -> str:
    """Two triggers at once, each on a machine of its own, are one retraining; so is a schedule after a refusal."""
    return (
        f"Not retraining: {same.what} of {same.at:%Y-%m-%d} was given the same data, parameters and code, and came to "
        f"its end ({same.outcome}): its results are here again, and --force makes them anew."
    )


def sentence_of(reasons: Sequence[Reason], *, forced_alone: bool) -> str:
    on_schedule = any(reason.name == "schedule" for reason in reasons)
    others = [reason for reason in reasons if reason.name not in ("schedule", "forced")]
    forced = any(reason.name == "forced" for reason in reasons)
    words = [*told(others), *(["forced, though nothing changed" if forced_alone else "forced"] if forced else [])]
    return f"Retraining{' on schedule' if on_schedule else ''}: {joined(words)}."


def told(reasons: Sequence[Reason]) -> list[str]:
    return [reason.text for reason in reasons]


def joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def counted_rows(rows: int, *, new: bool = False) -> str:
    return f"{rows:,} {'new ' if new else ''}row{'' if rows == 1 else 's'}"
