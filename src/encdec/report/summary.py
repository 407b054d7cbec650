"""The table of models and baselines in Markdown, aligned so that it reads well as plain text too."""

import re
import unicodedata
from collections.abc import Sequence

from encdec.report.results import Result, compared
from encdec.report.sentences import overview

HEADER = ("model", "metric", "value", "baseline", "difference", "verdict")
SPECIAL = re.compile(r"[\\|`<&]|(?<=\])\(")
"""What begins markup inside of a field; a bracket is a link only with a round one behind it."""
FIELD = re.compile(r"((?:\\.|[^\\|])*)\|")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def summary_text(results: Sequence[Result]) -> str:
    """The sentence, the table, and how the numbers were measured."""
    parts = [overview(results)]
    if results:
        rows = [
            (
                row.model,
                f"{row.metric} {row.arrow}",
                row.value,
                row.bar,
                row.difference or "-",
                row.verdict,
            )
            for row in compared(results)
        ]
        parts += [markdown_table(HEADER, rows), protocol_line(results)]
    return "\n\n".join(parts) + "\n"


def protocol_line(results: Sequence[Result]) -> str:
    protocol = results[0].protocol
    of_kind = {result.kind: result for result in results}
    counts = ", ".join(f"{result.protocol['rows']:,} of {result.source}" for result in of_kind.values())
    return (
        f"\u2191 higher is better, \u2193 lower. Test rows: {counts}. Brackets: {protocol['confidence'] * 100:g} % "
        f"percentile bootstrap over these rows ({protocol['resamples']:,} resamples, seed {protocol['seed']}). "
        "Difference: model less baseline, on the same resampled rows."
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to the width that a terminal gives them; what would be markup in a field is escaped."""
    lines = [tuple(escaped(field) for field in row) for row in (header, *rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(header))]
    rule = tuple("-" * size for size in widths)
    return "\n".join(
        "| " + " | ".join(field + " " * (size - width(field)) for field, size in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def table_rows(markdown: str) -> list[list[str]]:
    """The header and the rows of the table in a summary, as they were before they were escaped."""
    lines = [line[1:-1] for line in markdown.splitlines() if line.startswith("|") and line.endswith("|")]
    split = [[unescaped(field.strip()) for field in FIELD.findall(f"{line}|")] for line in lines]
    return split[:1] + split[2:]


def escaped(field: str) -> str:
    """A field in one line, with a backslash before what Markdown would read as markup."""
    return SPECIAL.sub(lambda match: f"\\{match[0]}", CONTROL.sub(" ", field))


def unescaped(field: str) -> str:
    return re.sub(r"\\([\\|`<&(])", r"\1", field)


def width(text: str) -> int:
    """Places in a terminal: two for a wide character, none for a combining one."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
