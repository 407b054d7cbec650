"""What a step of a GitHub workflow hands on: a summary of the job, and outputs for later steps."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"


def hand_on(markdown: str, outputs: Mapping[str, str | bool]) -> None:
    """Append to the files that the environment names; outside of a workflow there are none.

    A text is written between two lines that nobody can foresee, so that it cannot set another output.
    """
    summary, output = os.environ.get(SUMMARY), os.environ.get(OUTPUT)
    if summary:
        append(Path(summary), f"{markdown.rstrip()}\n\n")
    if output:
        append(Path(output), "".join(entry(name, value) for name, value in outputs.items()))


def fenced(text: str) -> str:
    """What a terminal shows, as Markdown: in a fence that is longer than any within it."""
    fence = "`" * max([3, *(len(found) + 1 for found in re.findall("`+", text))])
    return f"{fence}text\n{text}\n{fence}"


def entry(name: str, value: str | bool) -> str:
    if isinstance(value, bool):
        return f"{name}={str(value).lower()}\n"
    mark = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text)
