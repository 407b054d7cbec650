"""Images side by side: rows that belong together, or cards with words beneath.

Axes: N images, C channels (1 or 3), H height, W width. A pixel is drawn as a square, never blurred.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple
from unicodedata import east_asian_width

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image

from encdec.figures.picture import Picture, Words
from encdec.figures.selection import SMALL_SIDE
from encdec.figures.style import CSS_DPI, SCALE, SMALL, TEXT, Theme

Array = NDArray[np.floating]
Kind = Literal["pixels", "signed"]
GAP, MARGIN = 6, 10
LINE = 15
"""CSS pixels of a line of text."""
LETTER, WIDE_LETTER = 0.62, 1.03
"""Widths of a letter in units of the size of the text, on the safe side of the mean; the wide ones are East Asian."""
BAR = 46
SMALL_CELL, LARGE_CELL = 48, 88


class Row(NamedTuple):
    """`images` (N, C, H, W). As "pixels" they are in [0, 1]; "signed" ones are drawn from -limit to limit."""

    label: str
    images: Array
    kind: Kind = "pixels"


class Cell(NamedTuple):
    """Size of one image in CSS pixels."""

    width: int
    height: int


def text_width(text: str, *, size: float = TEXT) -> int:
    """CSS pixels that the longest line of a text takes at most, or nearly so."""
    unit = size * CSS_DPI / 72
    lines = text.split("\n")
    return round(
        max(sum(WIDE_LETTER if east_asian_width(c) in "WF" else LETTER for c in line) for line in lines) * unit
    )


def cell_size(shape: tuple[int, ...], *, target: int | None) -> Cell:
    """About `target` wide or high, by default more for an image of many pixels.

    A pixel of a small image takes a whole number of CSS pixels, so that it stays crisp.
    """
    height, width = shape[-2:]
    default = SMALL_CELL if max(height, width) <= SMALL_SIDE else LARGE_CELL
    scale = (target or default) / max(height, width)
    scale = max(1.0, round(scale)) if scale >= 1 else scale
    return Cell(max(1, round(width * scale)), max(1, round(height * scale)))


def common_limit(rows: Sequence[Row]) -> float:
    """The largest absolute value of the signed rows: one scale for all of them."""
    return max((float(np.abs(row.images).max(initial=0.0)) for row in rows if row.kind == "signed"), default=0.0)


def image_rows(
    rows: Sequence[Row],
    *,
    words: Words,
    above: Sequence[str] = (),
    below: Sequence[str] = (),
    target: int | None = None,
) -> Picture:
    """Rows of N images each, a label left of each row, and words above and below the columns."""
    count, cell = len(rows[0].images), cell_size(rows[0].images.shape, target=target)
    step = GAP + max([cell.width, *(text_width(text, size=SMALL) for text in (*above, *below))])
    left = MARGIN + max(text_width(row.label) for row in rows) + 6
    top = MARGIN + LINE * max((text.count("\n") + 1 for text in above), default=0)
    bottom = MARGIN + LINE * max((text.count("\n") + 1 for text in below), default=0)
    limit = common_limit(rows)
    width = left + count * step + MARGIN + (BAR if limit else 0)
    height = top + len(rows) * (cell.height + GAP) + bottom

    def draw(figure: Figure, theme: Theme) -> None:
        mosaic = Mosaic.of(width, height, theme)
        for number, row in enumerate(rows):
            y = top + number * (cell.height + GAP)
            write(figure, row.label, left - 8, y + cell.height / 2, "right", "center")
            for place, image in enumerate(row.images):
                mosaic.paste(coloured(image, row.kind, limit, theme), left + place * step, y, cell)
        mosaic.onto(figure)
        middles = [left + place * step + cell.width / 2 for place in range(count)]
        for text, x in zip(above, middles, strict=False):
            write(figure, text, x, top - 6, "center", "baseline", size=SMALL)
        for text, x in zip(below, middles, strict=False):
            write(figure, text, x, height - bottom - GAP + 4, "center", "top", size=SMALL)
        if limit:
            signed = [number for number, row in enumerate(rows) if row.kind == "signed"]
            first = top + signed[0] * (cell.height + GAP)
            last = top + signed[-1] * (cell.height + GAP) + cell.height
            scale_bar(figure, width - MARGIN - BAR + 8, first, last, limit=limit, theme=theme)

    return Picture(words, width, height, draw)


def cards(
    images: Array,
    *,
    words: Words,
    columns: int,
    labels: Sequence[str] = (),
    kind: Kind = "pixels",
    marked: NDArray[np.bool_] | None = None,
    target: int | None = None,
) -> Picture:
    """Images (N, C, H, W) in reading order, words beneath each; signed ones each on a scale of its own.

    `marked` (N,): which get a frame in the second colour and are crossed out.
    """
    cell = cell_size(images.shape, target=target)
    lines = max((text.count("\n") + 1 for text in labels), default=0)
    step_x = GAP + max([cell.width, *(text_width(text, size=SMALL) for text in labels)])
    step_y = cell.height + GAP + lines * LINE + (4 if lines else 0)
    columns = max(1, min(columns, len(images)))
    width = 2 * MARGIN + columns * step_x
    height = 2 * MARGIN + math.ceil(len(images) / columns) * step_y

    def draw(figure: Figure, theme: Theme) -> None:
        mosaic = Mosaic.of(width, height, theme)
        for number, image in enumerate(images):
            x = MARGIN + (number % columns) * step_x + (step_x - cell.width) // 2
            y = MARGIN + (number // columns) * step_y
            limit = float(np.abs(image).max(initial=0.0)) if kind == "signed" else 0.0
            mosaic.paste(coloured(image, kind, limit, theme), x, y, cell)
            if marked is not None and marked[number]:
                cross_out(figure, x, y, cell=cell, theme=theme)
            if labels:
                write(figure, labels[number], x + cell.width / 2, y + cell.height + 4, "center", "top", size=SMALL)
        mosaic.onto(figure)

    return Picture(words, width, height, draw)


class Mosaic(NamedTuple):
    """The pixels of a whole figure (H, W, 3) uint8, so that each image lies on whole pixels and is never resampled."""

    pixels: NDArray[np.uint8]
    frame: NDArray[np.uint8]

    @classmethod
    def of(cls, width: int, height: int, theme: Theme) -> "Mosaic":
        """One of the colour of the surface; `width` and `height` in CSS pixels."""
        surface, frame = (
            np.round(255 * np.array(to_rgb(colour))).astype(np.uint8) for colour in (theme.surface, theme.line)
        )
        return cls(np.tile(surface, (height * SCALE, width * SCALE, 1)), frame)

    def paste(self, image: NDArray[np.uint8], x: int, y: int, cell: Cell) -> None:
        """An image (H, W, 3) with its upper left corner at x, y in CSS pixels, and a thin frame around it."""
        width, height = cell.width * SCALE, cell.height * SCALE
        smaller = image.shape[0] > height or image.shape[1] > width
        how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
        left, top = x * SCALE, y * SCALE
        self.pixels[top - 1 : top + height + 1, left - 1 : left + width + 1] = self.frame
        self.pixels[top : top + height, left : left + width] = np.asarray(
            Image.fromarray(np.ascontiguousarray(image)).resize((width, height), how)
        )

    def onto(self, figure: Figure) -> None:
        figure.figimage(self.pixels, zorder=-1)


def coloured(image: Array, kind: Kind, limit: float, theme: Theme) -> NDArray[np.uint8]:
    """An image (C, H, W) as colours (H, W, 3); of a signed one the mean over its channels."""
    if kind == "signed":
        share = 0.5 + 0.5 * image.mean(axis=0) / max(limit, 1e-12)
        return np.asarray(theme.signed(share, bytes=True)[:, :, :3], dtype=np.uint8)
    stored = np.round(255 * np.clip(image, 0.0, 1.0)).astype(np.uint8).transpose(1, 2, 0)
    return np.repeat(stored, 3, axis=2) if stored.shape[2] == 1 else stored[:, :, :3]


def write(
    figure: Figure,
    text: str,
    x: float,
    y: float,
    ha: Literal["left", "center", "right"],
    va: Literal["top", "center", "baseline"],
    *,
    size: float = TEXT,
    colour: str | None = None,
) -> None:
    """Text at x, y in CSS pixels from the upper left corner."""
    width, height = figure.get_size_inches() * CSS_DPI
    placed = figure.text(x / width, 1 - y / height, text, ha=ha, va=va, fontsize=size, linespacing=1.15)
    if colour is not None:
        placed.set_color(colour)


def cross_out(figure: Figure, x: float, y: float, *, cell: Cell, theme: Theme) -> None:
    """A frame in the second colour and one stroke from corner to corner."""
    width, height = figure.get_size_inches() * CSS_DPI
    left, right, top, bottom = x / width, (x + cell.width) / width, 1 - y / height, 1 - (y + cell.height) / height
    corners = ([left, left, right, right, left, right], [bottom, top, top, bottom, bottom, top])
    figure.add_artist(Line2D(*corners, color=theme.second, linewidth=1.4))


def signed(value: float) -> str:
    """With a sign that is as wide as the plus."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def scale_bar(figure: Figure, x: float, top: float, bottom: float, *, limit: float, theme: Theme) -> None:
    """What the colours of the signed rows mean."""
    width, height = figure.get_size_inches() * CSS_DPI
    axes = figure.add_axes((x / width, 1 - bottom / height, 8 / width, (bottom - top) / height))
    axes.imshow(np.linspace(1, -1, 65)[:, None], cmap=theme.signed, aspect="auto", extent=(0, 1, -limit, limit))
    axes.set_xticks([])
    axes.set_yticks([-limit, 0, limit], [signed(-limit), "0", signed(limit)], fontsize=SMALL - 1)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, pad=2)
