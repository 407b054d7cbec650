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
    """The first row of each model, the verdict in colour and with a sign."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    header, *body = rows
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(Text(name), overflow="fold")
    shown: set[str] = set()
    for row in body:
        if row[0] in shown:
            continue
        shown.add(row[0])
        better = next((key for key, word in VERDICTS.items() if word == row[-1]), None)
        cells = [Text(field) for field in row[:-1]]
        table.add_row(*cells, Text(f"{SIGNS[better]} {row[-1]}", style=COLOURS[better]))
    return table


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
