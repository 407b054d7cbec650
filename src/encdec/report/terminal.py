"""The summary in a terminal: `python -m encdec.report.terminal summary.md index.html`. Elsewhere it stays Markdown."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from encdec.report.results import VERDICTS
from encdec.report.sentences import SIGNS
from encdec.report.summary import table_rows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

COLOURS = {"model": "green", "baseline": "red", "unclear": "yellow", None: "dim"}


def show(summary: Path, page: Path, *, console: "Console | None" = None) -> None:
    """A table of each model's first metric where a person looks; the Markdown as it is where a file or a pipe does."""
    from rich.console import Console

    console = console or Console()
    text = summary.read_text(encoding="utf-8")
    if not console.is_terminal:
        print(text, file=console.file)
        print(page_line(page), file=console.file)
        return
    rows = table_rows(text)
    console.print()
    if rows:
        console.print(headline_table(rows))
    console.print(text.split("\n\n")[0].strip(), markup=False, highlight=False)
    rest = f"All {len(rows) - 1} comparisons: {summary}. " if rows else ""
    console.print(f"{rest}{page_line(page)}", style="dim", markup=False, highlight=False)


def headline_table(rows: list[list[str]]) -> "Table":
    """The first row of each model in two lines, so that it fits 80 columns; the verdict in colour and with a sign."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), leading=1)
    for name in ("model", "value", "baseline", "difference", "verdict"):
        table.add_column(name, overflow="fold", no_wrap=name in ("value", "difference"))
    shown: set[str] = set()
    for model, metric, value, baseline, difference, verdict in rows[1:]:
        if model in shown:
            continue
        shown.add(model)
        better = next((key for key, word in VERDICTS.items() if word == verdict), None)
        opponent, _, number = baseline.rpartition(": ")
        cells = (f"{model}\n{metric}", two_lines(value), f"{opponent}\n{number}", two_lines(difference))
        table.add_row(*(Text(cell) for cell in cells), Text(f"{SIGNS[better]} {verdict}", style=COLOURS[better]))
    return table


def two_lines(number: str) -> str:
    """A number above its interval."""
    return number.replace(" [", "\n[", 1)


def page_line(page: Path) -> str:
    return f"The page: {page} ({page.stat().st_size / 1e6:.1f} MB)"


def main(summary: Path, page: Path) -> None:
    missing = [path for path in (summary, page) if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"{missing[0]}: no such file; it is written by `dvc repro report`")
    show(summary, page)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m encdec.report.terminal <summary.md> <index.html>")
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except OSError as error:
        sys.exit(str(error))
