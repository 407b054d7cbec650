"""A comparison in the terminal."""

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from encdec.monitoring.result import Result

NARROW, WIDE = 60, 120
MOST_OF_A_FAMILY, MOST_PROBLEMS = 2, 40
HEADER = ("", "family", "tests", "drifted", "least corrected p")


def result_text(result: Result, page: Path) -> str:
    return "\n".join(lines_of(result, page))


def lines_of(result: Result, page: Path) -> Iterator[str]:
    """The families as a table, what has drifted, the verdict, and what was left out."""
    width = min(WIDE, max(NARROW, shutil.get_terminal_size((100, 24)).columns))
    for problem in result.problems[:MOST_PROBLEMS]:
        yield filled(problem, "✗ ", width)
    if len(result.problems) > MOST_PROBLEMS:
        yield f"✗ and {len(result.problems) - MOST_PROBLEMS:,} more (monitor.json has all)"
    if result.families:
        yield from table(result)
    shown = result.surest(MOST_OF_A_FAMILY)
    if shown:
        yield ""
        for test in shown:
            yield filled(f"{test.sentence} Corrected p {p_text(test.corrected_p)}.", "  • ", width)
        if len(result.drifted) > len(shown):
            yield f"  • and {len(result.drifted) - len(shown)} more of these families"
    yield ""
    yield textwrap.fill(result.sentence, width)
    for missing in result.left_out:
        yield filled(f"not asked: {missing.what} ({missing.why})", "! ", width)
    for remark in result.remarks:
        yield filled(remark, "! ", width)
    yield f"The page: {page}"


def table(result: Result) -> Iterator[str]:
    rows = [HEADER]
    rows += [
        (
            "✗" if group.drifted else "✓",
            group.name,
            str(group.num_tests),
            str(group.num_drifted),
            p_text(group.least_p),
        )
        for group in result.families
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADER))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def filled(text: str, mark: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=mark, subsequent_indent=" " * len(mark))


def p_text(p: float) -> str:
    """1 where it is 1, and no more digits than matter."""
    return "0" if p == 0 else "1" if p >= 1 else f"{p:.2g}"
