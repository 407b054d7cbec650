"""Markdown that says what it is given, whatever that is: texts of the data may hold markup, links and mentions."""

import re
from collections.abc import Sequence

from encdec.report.summary import width

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
TICKS = re.compile(r"`+")
SPECIAL = re.compile(r"[\\`*<~$]|(?<=\])\(|&(?=\w|#)|(?<![^\W_])_|_(?![^\W_])")
"""What begins markup inside of a sentence; a bracket is a link only with a round one behind it.

An underscore is none between two letters or digits: another underscore is not one of them.
"""
DOLLAR = r"<span>\$</span>"
"""GitHub takes formulas from the page as well, where the backslash has gone: they do not go through elements."""
LINKED = re.compile(r"(?<=:)(?=//)|(?<=[wW]{3})(?=\.)|(?<=@)(?=\w)|(?<=#)(?=\d)|(?i:(?<=gh)(?=-\d))")
"""Where GitHub would see an address, a mention of a person, or the number of an issue."""
CLOSING = re.compile(r"(?i)(\b(?:clos|fix|resolv|implement)\w*:?\s+\S*?(?:[#!](?=\d)|gh(?=-\d)|:(?=//)))")
"""What closes an issue in the message of a commit, where a code span is none."""
NO_SPACE = "\u200b"
MOST_CHARACTERS = 160


def code(text: str, *, most: int = MOST_CHARACTERS) -> str:
    """A text from outside as a code span: neither markup, HTML, links nor mentions are seen in one.

    What turns the direction of reading, and would make it look like another text, becomes a space. The text may become
    the message of a commit, so that nothing in it closes an issue.
    """
    plain = CLOSING.sub(rf"\1{NO_SPACE}", CONTROL.sub(" ", text))
    plain = plain if len(plain) <= most else f"{plain[:most]}…"
    if not plain.strip():
        return "(nothing)"
    fence = "`" * (max((len(found) for found in TICKS.findall(plain)), default=0) + 1)
    pad = " " if plain[0] in "` " or plain[-1] in "` " else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def prose(text: str) -> str:
    """A sentence of ours that may hold names or texts from outside, on one line, with a backslash before markup.

    A zero-width space keeps what looks like an address or a mention from becoming a link.
    """
    plain = SPECIAL.sub(lambda found: DOLLAR if found[0] == "$" else f"\\{found[0]}", CONTROL.sub(" ", text))
    return LINKED.sub(NO_SPACE, plain)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Columns as wide as a terminal shows them, so that it reads well as plain text.

    Args:
        rows: of Markdown; a bar in a field is escaped here, as it must be in code too.
        right: the columns whose fields stand at the right.
    """
    lines = [tuple(field.replace("|", "\\|") for field in row) for row in (header, *rows)]
    widths = [max(3, *(width(line[column]) for line in lines)) for column in range(len(header))]
    rule = ["-" * (size - 1) + ":" if column in right else "-" * size for column, size in enumerate(widths)]

    def padded(line: Sequence[str]) -> str:
        fields = []
        for column, (field, size) in enumerate(zip(line, widths, strict=True)):
            space = " " * (size - width(field))
            fields.append(f"{space}{field}" if column in right else f"{field}{space}")
        return f"| {' | '.join(fields)} |"

    return "\n".join([padded(lines[0]), f"| {' | '.join(rule)} |", *map(padded, lines[1:])])


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
