"""Pieces of the page as HTML. Every text is escaped here; what comes back may be shown as it is."""

import base64
import io
from collections.abc import Sequence
from html import escape
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image

from encdec.figures.picture import Picture, rendered
from encdec.figures.style import DARK, LIGHT
from encdec.playground.answers import Pixels

DRAWING = Lock()
"""The style of a figure is a setting of the whole process, and the page answers from several threads."""
SHOWN_SIDE = 132
"""About so many CSS pixels is a shown image wide."""


class Shown(NamedTuple):
    """An image (C, H, W) in [0, 1], what stands under it, and what it is for a screen reader."""

    pixels: Pixels
    caption: str
    alt: str


def note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def problem(text: str) -> str:
    """What is wrong and what to do."""
    return f'<p class="problem" role="alert">{escape(text)}</p>'


def bars(rows: Sequence[tuple[str, float]], *, caption: str, heads: tuple[str, str]) -> str:
    """A table of names and shares from 0 to 1, each with a bar."""
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{share:.1%}</td>'
        f'<td class="track"><span class="bar" style="width:{100 * share:.2f}%"></span></td></tr>'
        for name, share in rows
    )
    first, second = (escape(head) for head in heads)
    head = f'<thead><tr><th scope="col">{first}</th><th scope="col" colspan="2">{second}</th></tr></thead>'
    return f'<table class="bars"><caption>{escape(caption)}</caption>{head}<tbody>{cells}</tbody></table>'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str) -> str:
    """The first cell of a row names it."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(
        f'<tr><th scope="row" dir="auto">{escape(first)}</th>'
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    words = f"<caption>{escape(caption)}</caption>"
    region = f'class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"'  # it scrolls on a phone
    return f"<div {region}><table>{words}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def images(shown: Sequence[Shown]) -> str:
    """Images side by side, each pixel a square."""
    figures = "".join(
        f'<figure><img src="{data(enlarged(each.pixels))}" alt="{escape(each.alt)}">'
        f"<figcaption>{escape(each.caption)}</figcaption></figure>"
        for each in shown
    )
    return f'<div class="images">{figures}</div>'


def image_button(number: int, pixels: Pixels, *, name: str) -> str:
    image = f'<img src="{data(enlarged(pixels))}" alt="">'
    return f'<button type="button" data-number="{number}" aria-label="Example {escape(name)}">{image}</button>'


def examples(buttons: Sequence[str]) -> str:
    return f'<p class="label">Or choose a test image</p><div class="examples">{"".join(buttons)}</div>'


def picture(drawn: Picture, *, alt: str, caption: str) -> str:
    """A figure of the project in the light and the dark theme, of which the page shows one."""
    with DRAWING:
        light, dark = (rendered(drawn, theme) for theme in (LIGHT, DARK))
    both = themed(light, dark, alt=alt, width=drawn.width)
    return f'<figure class="figure">{both}<figcaption>{escape(caption)}</figcaption></figure>'


def themed(light: bytes, dark: bytes, *, alt: str, width: int) -> str:
    return "".join(
        f'<img class="{name}-only" src="{data(png)}" alt="{escape(alt)}" width="{width}">'
        for name, png in (("light", light), ("dark", dark))
    )


def mark(left: float, top: float) -> str:
    """A cross over a picture, at these shares of its width and height."""
    return f'<span class="mark" style="left:{100 * left:.2f}%;top:{100 * top:.2f}%" aria-hidden="true"></span>'


def enlarged(pixels: Pixels) -> bytes:
    """(C, H, W) in [0, 1] as a PNG whose pixels are squares; values beyond the range are drawn as its ends."""
    grey = len(pixels) == 1
    bytes_ = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    times = max(1, round(2 * SHOWN_SIDE / max(pixels.shape[1:])))
    large = bytes_.repeat(times, axis=1).repeat(times, axis=2)
    packed = io.BytesIO()
    Image.fromarray(large[0] if grey else large[:3].transpose(1, 2, 0)).save(packed, "PNG")
    return packed.getvalue()


def data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def answer(text: str, beside: str) -> str:
    return f'<p class="answer"><bdi>{escape(text)}</bdi> <small>{escape(beside)}</small></p>'
