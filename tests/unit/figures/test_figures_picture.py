"""The files of a figure: two themes of one size, the same bytes each time."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from encdec.figures.picture import Picture, Words, rendered, write_pictures
from encdec.figures.style import DARK, LIGHT, THEMES, Theme

WORDS = Words("curve", "A curve", "It rises.", "A rising line.", "learning")


def line(figure: Figure, theme: Theme) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=theme.accent)
    axes.set_xlabel("সেপ্টেম্বর ژانویهٔ 2081年")


PICTURE = Picture(WORDS, 300, 200, line)


def test_two_drawings_have_the_same_bytes_and_say_nothing_of_program_or_time() -> None:
    for theme in THEMES:
        first = rendered(PICTURE, theme)
        assert first == rendered(PICTURE, theme)
        chunks = Image.open(io.BytesIO(first)).info
        assert not {"Software", "Creation Time", "Title"} & set(chunks)
        assert b"matplotlib" not in first


def test_both_themes_have_two_pixels_to_a_css_pixel_and_stand_on_their_surface() -> None:
    for theme, surface in ((LIGHT, (255, 255, 255)), (DARK, (0x1C, 0x20, 0x26))):
        image = Image.open(io.BytesIO(rendered(PICTURE, theme)))
        assert image.size == (600, 400)
        pixels = np.asarray(image.convert("RGB"))
        for corner in (pixels[0, 0], pixels[0, -1], pixels[-1, 0], pixels[-1, -1]):
            assert tuple(corner) == surface


def test_the_list_keeps_the_order_and_names_the_files(tmp_path: Path) -> None:
    other = Picture(WORDS._replace(name="another", group="code"), 120, 100, line)
    write_pictures([PICTURE, other], tmp_path)
    listed = json.loads((tmp_path / "figures.json").read_text())
    assert [(each["name"], each["width"], each["height"], each["group"]) for each in listed] == [
        ("curve", 300, 200, "learning"),
        ("another", 120, 100, "code"),
    ]
    assert set(listed[0]) == {"name", "title", "caption", "alt", "group", "width", "height"}
    files = {f"{name}.{theme}.png" for name in ("curve", "another") for theme in ("light", "dark")}
    assert {path.name for path in tmp_path.iterdir()} == files | {"figures.json"}


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"figures must have different names, found \['curve', 'curve'\]"):
        write_pictures([PICTURE, PICTURE], tmp_path)
    assert list(tmp_path.iterdir()) == []
