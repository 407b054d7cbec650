"""The table of models and baselines in Markdown, aligned so that it reads well in a terminal too."""

import unicodedata
from collections.abc import Sequence

from encdec.report.results import Result, compared, overview

HEADER = ("model", "metric", "value", "baseline", "difference", "verdict")


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
    """Columns padded to the width that a terminal gives them; a bar inside a field is escaped."""
    lines = [tuple(field.replace("|", "\\|") for field in row) for row in (header, *rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(header))]
    rule = tuple("-" * size for size in widths)
    return "\n".join(
        "| " + " | ".join(field + " " * (size - width(field)) for field, size in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def width(text: str) -> int:
    """Places in a terminal: two for a wide character, none for a combining one."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
