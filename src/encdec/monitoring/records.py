"""Keeps a comparison as a run of MLflow: verdict as tags, its numbers, its JSON and its page."""

from collections.abc import Mapping

from encdec.monitoring.result import Result
from encdec.tracking.monitored import MonitorRecord, record_monitoring
from encdec.tracking.notes import escaped
from encdec.tracking.store import Store

MOST, MOST_OF_A_FAMILY = 20, 3
"""Lines of the note."""


def keep(store: Store, result: Result, files: Mapping[str, str]) -> str:
    """The id of the run; `files`: texts by name."""
    record = MonitorRecord(
        name=f"monitor {result.kind} {result.batch.digest[:8]}",
        metrics=metrics_of(result),
        tags=tags_of(result),
        note=note_of(result),
        files=files,
    )
    return record_monitoring(store, record)


def tags_of(result: Result) -> dict[str, str]:
    """What to filter by: `tags.monitor.verdict = 'drift'`."""
    tags = {
        "stage": "monitor",
        "kind": result.kind,
        "source": result.source,
        "monitor.verdict": result.verdict,
        "monitor.at": result.surroundings["at"],
        "monitor.batch": f"{result.batch.path} {result.batch.digest}",
        "monitor.reference": " ".join(f"{each.path} {each.digest}" for each in result.reference),
        **{name: value for name, value in result.surroundings.items() if name != "at"},
    }
    if result.drifted:
        tags["monitor.families"] = ", ".join(group.name for group in result.families if group.drifted)
        tags["monitor.first"] = result.drifted[0].sentence
    if result.left_out:
        tags["monitor.left_out"] = "; ".join(f"{each.what}: {each.why}" for each in result.left_out)
    return tags


def metrics_of(result: Result) -> dict[str, float]:
    """The same names in every run of a kind, so that batches can be drawn over time."""
    found = {"monitor/rows": float(result.batch.rows), "monitor/problems": float(len(result.problems))}
    if result.tests:
        found["monitor/drifted_tests"] = float(len(result.drifted))
        found["monitor/least_p"] = min(group.least_p for group in result.families)
    for group in result.families:
        found[f"monitor/{group.name}/least_p"] = group.least_p
        found[f"monitor/{group.name}/drifted"] = float(group.num_drifted)
    return found


def note_of(result: Result) -> str:
    """Markdown for the run's page in the UI."""
    lines = [f"**{escaped(result.sentence)}**", ""]
    lines += [f"- {escaped(problem)}" for problem in result.problems[:MOST]]
    lines += [f"- {escaped(test.sentence)}" for test in result.surest(MOST_OF_A_FAMILY)]
    return "\n".join([*lines, "", "The page: artifact monitoring/monitor.html"]) + "\n"
