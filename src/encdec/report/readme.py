"""Writes the table of results into README.md: `python -m encdec.report.readme README.md summary.md`."""

import sys
from pathlib import Path

from encdec.outs import write_text

START, END = "<!-- results -->", "<!-- /results -->"


def with_results(readme: str, summary: str) -> str:
    """The text with the summary between the two marks, in place of what stood there.

    Raises:
        ValueError: a mark is missing, or they stand in the wrong order.
    """
    if readme.count(START) != 1 or readme.count(END) != 1 or readme.index(START) > readme.index(END):
        raise ValueError(f"expected one {START} and after it one {END}: put them where the results belong")
    return f"{readme[: readme.index(START)]}{START}\n{summary.strip()}\n{readme[readme.index(END) :]}"


def main(readme: Path, summary: Path) -> None:
    write_text(readme, with_results(readme.read_text(encoding="utf-8"), summary.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:3]))
