"""Wrong answers in text, drawn with the letters of every script joined and ordered."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from encdec.figures.fonts import label
from encdec.figures.image_grid import write
from encdec.figures.picture import Picture, Words
from encdec.figures.style import SMALL, TEXT, Theme

LINE, MOST_LETTERS = 25, 34
LEFT = 14


class WrongText(NamedTuple):
    """`score`: how sure the model was, in words of its own column."""

    source: str
    expected: str
    answer: str
    score: str


def wrong_texts(wrong: Sequence[WrongText], *, words: Words, score: str) -> Picture:
    """A line per answer; each text is written by itself, so that no direction reorders its neighbour."""
    heads = ("source", "expected", "answer", score)
    rows = [(*(label(text, most=MOST_LETTERS) for text in each[:3]), each.score) for each in wrong]
    letters = [max(len(row[place]) for row in (heads, *rows)) for place in range(4)]
    widths = [round(7.6 * count) + 26 for count in letters]
    starts = [LEFT + sum(widths[:place]) for place in range(4)]

    def draw(figure: Figure, theme: Theme) -> None:
        for head, x in zip(heads, starts, strict=True):
            write(figure, head, x, 18, "left", "center", size=SMALL, colour=theme.soft)
        colours = (theme.ink, theme.third, theme.second, theme.soft)
        for number, row in enumerate(rows):
            y = 18 + LINE * (number + 1)
            for text, x, colour in zip(row, starts, colours, strict=True):
                write(figure, text, x, y, "left", "center", size=TEXT + 0.5, colour=colour)

    return Picture(words, LEFT + sum(widths), 36 + LINE * len(rows), draw)
