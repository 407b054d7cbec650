"""Where a decoder looked: a heat map with the characters of both sides.

The columns are the tokens of the source in the order in which the network read them. A source that is written from
right to left is drawn from right to left, so that the eye goes over it as over the text. A column names one token
alone, so a letter stands there in its isolated form; the title has the whole text with its letters joined.
"""

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import bidirectional

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from encdec.figures.fonts import code_point, label, missing, token_label
from encdec.figures.image_grid import text_width, write
from encdec.figures.picture import Picture, Words
from encdec.figures.style import CSS_DPI, SMALL, TEXT, Theme

END = "end"
MOST_TOKENS = 60
CELL, HEADLINE, LONGEST = 19, 24, 64


class Reading(NamedTuple):
    """One source and what was made of it. `weights` (T, S): each row sums to 1; the last row may be the end's."""

    source: str
    output: str
    reference: str
    source_tokens: Sequence[str]
    output_tokens: Sequence[str]
    weights: NDArray[np.floating]


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs from right to left, as the bidirectional algorithm has it."""
    directions = (bidirectional(character) for character in text)
    return next((found in ("R", "AL") for found in directions if found in ("L", "R", "AL")), False)


def unambiguous(weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """The largest weight of each row (T, S) -> (T,): 1 where the decoder looked at one token alone."""
    return np.asarray(weights.max(axis=1), dtype=np.float64)


def attention(reading: Reading, *, name: str, script: str) -> Picture:
    """`script` names the source's writing in words, for the title."""
    weights = np.asarray(reading.weights, dtype=np.float64)[:MOST_TOKENS, :MOST_TOKENS]
    columns = [token_label(token) for token in reading.source_tokens[:MOST_TOKENS]]
    rows = [token if token == END else token_label(token) for token in reading.output_tokens[:MOST_TOKENS]]
    backwards = right_to_left(reading.source)
    words = described(reading, name=name, script=script, backwards=backwards)
    letters = max(len(text) for text in rows)
    long = max(len(text) for text in columns) > 2
    lines = headlines(reading)
    left, top = max(34 + round(7.2 * letters), 74), 16 + HEADLINE * len(lines)
    bottom = 34 + (round(6.6 * max(len(text) for text in columns)) if long else 14)
    wide = max(len(columns) * CELL + 70, *(text_width(text, size=TEXT + 2) for _, text in lines), 330)
    size = (left + wide, top + len(rows) * CELL + bottom)

    def draw(figure: Figure, theme: Theme) -> None:
        for number, (head, text) in enumerate(lines):
            y = 18 + HEADLINE * number
            write(figure, head, left - 8, y, "right", "center", size=SMALL, colour=theme.soft)
            write(figure, text, left, y, "left", "center", size=TEXT + 2)
        width, height = figure.get_size_inches() * CSS_DPI
        box = (left / width, bottom / height, len(columns) * CELL / width, len(rows) * CELL / height)
        axes = figure.add_axes(box)
        drawn = axes.imshow(weights, cmap=theme.amounts, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(np.arange(len(columns)), columns, rotation=90 if long else 0, fontsize=TEXT)
        axes.set_yticks(np.arange(len(rows)), rows, fontsize=TEXT)
        axes.set_xticks(np.arange(len(columns) - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
        axes.grid(which="minor", linewidth=0.4)
        axes.tick_params(which="both", length=0, labelcolor=theme.ink)
        axes.set_xlabel("source, read from the right" if backwards else "source", color=theme.soft)
        axes.set_ylabel("output", color=theme.soft)
        if backwards:
            axes.invert_xaxis()
        bar = figure.add_axes(((left + len(columns) * CELL + 18) / width, box[1], 9 / width, min(box[3], 150 / height)))
        figure.colorbar(drawn, cax=bar, ticks=[0, 0.5, 1])
        bar.tick_params(length=0, labelsize=SMALL)
        bar.spines[:].set_visible(False)

    return Picture(words, *size, draw)


def headlines(reading: Reading) -> list[tuple[str, str]]:
    """Source and output as whole texts, each on a line of its own, so that neither direction reorders the other."""
    found = [("source", reading.source), ("output", reading.output)]
    if reading.output != reading.reference:
        found.append(("expected", reading.reference))
    return [(head, label(text, most=LONGEST)) for head, text in found]


def described(reading: Reading, *, name: str, script: str, backwards: bool) -> Words:
    sure = float(unambiguous(reading.weights).mean())
    right = reading.output == reading.reference
    told = "which is right" if right else f"expected was {reading.reference}"
    lost = missing([reading.source, reading.output, *reading.source_tokens, *reading.output_tokens])
    gaps = f" No font here can draw {', '.join(code_point(c) for c in lost)}." if lost else ""
    order = (
        " The columns run from right to left in the order in which the network read them, the digits of a number too; "
        "each shows its letter alone, unjoined."
        if backwards
        else ""
    )
    cut = " Only the first 60 tokens are drawn." if max(reading.weights.shape) > MOST_TOKENS else ""
    return Words(
        name=name,
        title=f"Attention, {script}",
        caption=(
            f"A row per token of the output, a column per token of the source; the stronger a cell stands out, "
            f"the more the decoder looked there (each row sums to 1). The output is {reading.output}, {told}. On "
            f"average {100 * sure:.0f} % of a row lies on its largest cell.{order}{cut}{gaps}"
        ),
        alt=f"Heat map of attention from the source {reading.source} to the output {reading.output}.",
        group="code",
    )
