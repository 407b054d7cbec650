"""A decision in a sentence, for the terminal, the page and the registry."""

from encdec.promotion.decision import Bounds, Decision, MetricLine
from encdec.report.numbers import with_interval


def sentence_of(decision: Decision, *, dry_run: bool) -> str:
    """What happens to the champion and why, in one or two sentences."""
    number = decision.candidate.number
    who = f"{decision.model} {f'version {number}' if number is not None else 'as it lies here'}"
    failed, total = decision.failed, len(decision.checks)
    if decision.accepted:
        verb = "would become" if dry_run else "becomes"
        place = f" in place of version {decision.champion.number}" if decision.champion else ", the first one"
        return f"{who} {verb} the champion{place}: {headline(decision)}. All {total} checks passed."
    verb = "would be refused" if dry_run else "is refused"
    stays = f"Version {decision.champion.number} stays the champion." if decision.champion else "There is no champion."
    names = ", ".join(check.name for check in failed)
    return f"{who} {verb}: {len(failed)} of {total} checks failed ({names}). {stays}"


def headline(decision: Decision) -> str:
    """`accuracy 0.988 [0.972, 1.000] against 0.970 [0.949, 0.988]`."""
    line = decision.metrics[0]
    beside = f" against {interval_text(line.champion)}" if line.champion else ""
    return f"{line.metric} {interval_text(line.candidate)}{beside}"


def interval_text(bounds: Bounds, *, plus: bool = False) -> str:
    return with_interval(bounds.value, bounds.low, bounds.high, plus=plus)


def better_of(line: MetricLine) -> str:
    """The class of a verdict's colour: whose number is better, where the interval of the gain leaves 0 out."""
    if line.gain is None or line.gain.low <= 0.0 <= line.gain.high:
        return "unclear"
    return "model" if line.gain.low > 0.0 else "baseline"
