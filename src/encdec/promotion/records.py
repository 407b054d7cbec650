"""Keeps a decision: a run with its JSON and page, and tags and a description at the version."""

from collections.abc import Iterable
from typing import NamedTuple

from encdec.promotion.decision import Decision, verdict
from encdec.promotion.gate import RolledBack
from encdec.promotion.page import render_decision
from encdec.promotion.sentences import headline
from encdec.tracking.aliases import DECISION_TAG, DIGEST_TAG, describe_version, tag_version, versions_of
from encdec.tracking.decided import Record, begin_decision, end_decision, page_place
from encdec.tracking.notes import escaped
from encdec.tracking.repro import get_run
from encdec.tracking.store import Store

ROLLED_BACK = ("promotion.rolled_back", "promotion.rolled_back_run_id")
"""Of a version that was left: by which sentence, and in which run. The champion has neither (`settle`)."""
ENDING = ("promotion.failed", "promotion.note")
"""Tags of a version that a later decision may not have: then they hold no more."""


class Kept(NamedTuple):
    """The run of a decision, and where a person finds its page."""

    run_id: str
    page: str


def keep(store: Store, decision: Decision, *, run_id: str | None = None) -> Kept:
    """Write a decision about a registered version down, before any alias of the champion moves.

    Args:
        run_id: where it was kept already, and came out otherwise: all but its metrics is written over.
    """
    number = decision.candidate.number
    if number is None:
        raise ValueError(f"a decision about {decision.model} can be kept for a registered version only")
    metrics = metrics_of(decision) if run_id is None else {}
    if run_id is None:
        run_id = begin_decision(store, action=decision.action, model=decision.model, version=number)
    tags = tags_of(decision)
    record = Record(
        metrics=metrics,
        tags=tags,
        note=note_of(decision),
        document=decision.text(),
        page=render_decision(decision),
    )
    end_decision(store, run_id, record)
    if decision.action == "promote":
        tag_version(store, decision.model, number, {**tags, "promotion.run_id": run_id}, ended=ENDING)
        describe_version(store, decision.model, number, decision.sentence)
    else:
        tag_rolled_back(store, decision, run_id)
    return Kept(run_id, page_place(store, run_id))


def tag_rolled_back(store: Store, decision: Decision, run_id: str) -> None:
    """The version that is left has the reason, before it is left; where it was not, no more, if it is this one's."""
    left = decision.champion.number if decision.champion is not None else None
    if left is None:
        return
    if decision.accepted:
        told = dict(zip(ROLLED_BACK, (decision.sentence, run_id), strict=True))
        tag_version(store, decision.model, left, told)
    elif store.client.get_model_version(decision.model, str(left)).tags.get(ROLLED_BACK[1]) == run_id:
        tag_version(store, decision.model, left, {}, ended=ROLLED_BACK)


def settle(store: Store, model: str, champion: int) -> None:
    """Nobody has rolled back what is in use: its tag goes, and that of every version of the same weights.

    Only after the champion has moved: a tag that a killed process leaves refuses what is good, which a person sees; one
    that went too early would let in what is bad.
    """
    for number in same_weights(store, model, champion):
        tag_version(store, model, number, {}, ended=ROLLED_BACK)


def same_weights(store: Store, model: str, version: int) -> list[int]:
    """The version itself, and those of its digest: of one whose files were lost the weights get another version."""
    versions = {int(each.version): each.tags.get(DIGEST_TAG) for each in versions_of(store, model)}
    digest = versions.get(version)
    return [number for number, each in versions.items() if number == version or (digest and each == digest)]


def find_rolled_back(store: Store, model: str, numbers: Iterable[int], *, again: bool) -> RolledBack | None:
    """Of versions of the same weights the newest that was rolled back and is not the champion."""
    wanted = set(numbers)
    for version in reversed(versions_of(store, model)):
        sentence = version.tags.get(ROLLED_BACK[0])
        if int(version.version) not in wanted or not sentence:
            continue
        run = get_run(store, version.tags.get(ROLLED_BACK[1]) or "")
        tags = run.data.tags if run is not None else {}
        why = "; ".join(filter(None, (tags.get("promotion.note"), sentence.rstrip("."))))
        return RolledBack(int(version.version), tags.get("promotion.at", ""), why, again)
    return None


def tags_of(decision: Decision) -> dict[str, str]:
    """The same at the run and at the version: what to filter by, and the reasons to read."""
    champion = decision.champion.number if decision.champion else None
    tags = {
        DECISION_TAG: verdict(decision).word,
        "promotion.reason": decision.reasons,
        "promotion.champion": "none" if champion is None else str(champion),
        "promotion.at": decision.surroundings["at"],
    }
    if decision.note is not None:
        tags["promotion.note"] = decision.note
    if decision.test is not None:
        tags["promotion.test"] = f"{decision.test.path} {decision.test.digest}"
    if decision.metrics:
        tags["promotion.headline"] = headline(decision)
    if decision.failed:
        tags["promotion.failed"] = ", ".join(check.name for check in decision.failed)
    return tags


def metrics_of(decision: Decision) -> dict[str, float]:
    """test/<metric> as in every run, champion/<metric>, gain/<metric> with its bounds, and the checks' numbers."""
    found = {f"test/{line.metric}": line.candidate.value for line in decision.metrics}
    found |= {f"champion/{line.metric}": line.champion.value for line in decision.metrics if line.champion}
    for line in decision.metrics:
        if line.gain is not None:
            found[f"gain/{line.metric}"] = line.gain.value
            found |= {f"gain/{line.metric}_low": line.gain.low, f"gain/{line.metric}_high": line.gain.high}
    named = {"latency": "latency_p95_ms", "size": "size_mb"}
    return found | {
        named[each.name]: each.value for each in decision.checks if each.name in named and each.value is not None
    }


def note_of(decision: Decision) -> str:
    """Markdown for the run's page in the UI."""
    lines = [f"**{escaped(decision.sentence)}**", ""]
    lines += [f"- {'passed' if check.passed else 'FAILED'}: {escaped(check.reason)}" for check in decision.checks]
    if decision.note:
        lines += ["", f"Note: {escaped(decision.note)}"]
    return "\n".join([*lines, "", "The page: artifact promotion/decision.html"]) + "\n"
