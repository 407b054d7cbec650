"""A decision in the terminal."""

import shutil
import textwrap
from collections.abc import Iterator

from encdec.promotion.decision import Decision
from encdec.promotion.promote import Outcome

NARROW, WIDE = 60, 120


def decision_text(outcome: Outcome) -> str:
    """A line per check and the sentence; for where nothing moves, the sentence alone."""
    if outcome.decision is None:
        return outcome.said
    return "\n".join(lines_of(outcome.decision, outcome.page))


def lines_of(decision: Decision, page: str | None) -> Iterator[str]:
    width = min(WIDE, max(NARROW, shutil.get_terminal_size((100, 24)).columns))
    column = max((len(check.name) for check in decision.checks), default=0)
    for check in decision.checks:
        head = f"{'✓' if check.passed else '✗'} {check.name:<{column}}  "
        yield textwrap.fill(check.reason, width, initial_indent=head, subsequent_indent=" " * len(head))
    if decision.checks:
        yield ""
    yield textwrap.fill(decision.sentence, width)
    if decision.undo:
        yield f"To undo it: {decision.undo}"
    if page is not None:
        yield f"The decision: {page}"
