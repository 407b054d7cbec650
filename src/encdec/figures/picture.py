"""What a figure is, and how it becomes files: a PNG per theme, and one list of what is seen on them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from encdec.figures.style import CSS_DPI, SCALE, THEMES, Theme, drawn_in
from encdec.outs import write_json

LIST_FILE = "figures.json"
COLOURS = 256

Group = Literal["learning", "quality", "mistakes", "code", "samples"]


class Words(NamedTuple):
    """`name`: of the files, lower case; `caption`: what is seen and how to read it; `alt`: for a screen reader."""

    name: str
    title: str
    caption: str
    alt: str
    group: Group


class Picture(NamedTuple):
    """`width` and `height` in CSS pixels. `draw` fills an empty figure of that size in the colours of a theme."""

    words: Words
    width: int
    height: int
    draw: Callable[[Figure, Theme], None]


def write_pictures(pictures: Sequence[Picture], folder: Path) -> None:
    """name.light.png and name.dark.png of each, and figures.json in the same order, into an existing folder.

    Raises:
        ValueError: two pictures have one name.
    """
    names = [picture.words.name for picture in pictures]
    if len(set(names)) != len(names):
        raise ValueError(f"figures must have different names, found {names}")
    for picture in pictures:
        for theme in THEMES:
            (folder / f"{picture.words.name}.{theme.name}.png").write_bytes(rendered(picture, theme))
    write_json(
        folder / LIST_FILE,
        [{**each.words._asdict(), "width": each.width, "height": each.height} for each in pictures],
    )


def rendered(picture: Picture, theme: Theme) -> bytes:
    """The PNG: the same bytes for the same picture, without a word about the program or the time."""
    with drawn_in(theme):
        figure = Figure(figsize=(picture.width / CSS_DPI, picture.height / CSS_DPI), dpi=CSS_DPI * SCALE)
        canvas: Any = FigureCanvasAgg(figure)  # matplotlib has not typed it
        picture.draw(figure, theme)
        canvas.draw()
        pixels = Image.fromarray(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3]))
    packed = io.BytesIO()
    with_palette(pixels, theme).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def with_palette(pixels: Image.Image, theme: Theme) -> Image.Image:
    """With at most 256 colours, a third of the bytes; exact where there are no more, and the surface always is."""
    packed = pixels.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = packed.getpalette() or []
    corner = packed.getpixel((0, 0))  # the colour of the surface, which the palette may have mixed with its neighbours
    if isinstance(corner, int):
        palette[3 * corner : 3 * corner + 3] = [round(255 * part) for part in to_rgb(theme.surface)]
    packed.putpalette(palette)
    return packed
