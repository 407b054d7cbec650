"""Keeps a decision: a run with its JSON and page, and tags and a description at the version."""

from encdec.promotion.decision import Decision, verdict
from encdec.promotion.page import render_decision
from encdec.promotion.sentences import headline
from encdec.tracking.aliases import DECISION_TAG, describe_version, tag_version
from encdec.tracking.decided import Record, begin_decision, end_decision, page_place
from encdec.tracking.notes import escaped
from encdec.tracking.store import Store


def keep(store: Store, decision: Decision) -> str:
    """Write a decision about a registered version down, before any alias of the champion moves.

    Returns:
        Where a person finds the page.
    """
    number = decision.candidate.number
    if number is None:
        raise ValueError(f"a decision about {decision.model} can be kept for a registered version only")
    run_id = begin_decision(store, action=decision.action, model=decision.model, version=number)
    tags = tags_of(decision)
    record = Record(
        metrics=metrics_of(decision),
        tags=tags,
        note=note_of(decision),
        document=decision.text(),
        page=render_decision(decision),
    )
    end_decision(store, run_id, record)
    if decision.action == "promote":
        tag_version(store, decision.model, number, {**tags, "promotion.run_id": run_id})
        describe_version(store, decision.model, number, decision.sentence)
    elif decision.champion is not None and decision.champion.number is not None:
        told = {"promotion.rolled_back": decision.sentence, "promotion.rolled_back_run_id": run_id}
        tag_version(store, decision.model, decision.champion.number, told)
    return page_place(store, run_id)


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
