"""The fonts of every figure: files inside of packages, the same on every machine, in the order in which they are asked.

A character is drawn by the first font that has it. Letters are joined and ordered by the text layout that matplotlib
has had since 3.11 (libraqm). DejaVu Sans comes with matplotlib and has Latin, Greek, Cyrillic, Hebrew and Arabic; the
packages have the scripts of India and of East Asia. They are found without importing anything of theirs.
"""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from unicodedata import category

import matplotlib as mpl
from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.ft2font import FT2Font

INDIA = "justmytype-intl-south-asia"
EAST_ASIA = "noto-cjk-sans-jp-regular"
PACKAGED = (
    (INDIA, "NotoSansDevanagari[wdth,wght].ttf"),
    (INDIA, "NotoSansBengali[wdth,wght].ttf"),
    (INDIA, "NotoSansTamil[wdth,wght].ttf"),
    (INDIA, "NotoSansTelugu[wdth,wght].ttf"),
    (EAST_ASIA, "NotoSansCJKjp-Regular.otf"),
)
"""Package and file; all are under the SIL Open Font License."""
SPACE_MARK, OTHER_SPACE_MARK = "\N{OPEN BOX}", "\N{SHOULDERED OPEN BOX}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@cache
def font_files() -> tuple[Path, ...]:
    """The files, the first font asked first.

    Raises:
        ValueError: a package or a file of it is not installed.
    """
    dejavu = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return (dejavu, *(packaged_file(package, name) for package, name in PACKAGED))


def packaged_file(package: str, name: str) -> Path:
    try:
        listed = distribution(package).files or []
    except PackageNotFoundError as error:
        raise ValueError(
            f"font package {package}: not installed, and the figures need {name} of it; install requirements.lock"
        ) from error
    for file in listed:
        path = Path(str(file.locate()))
        if file.name == name and path.is_file():
            return path
    raise ValueError(f"font package {package}: has no file {name}; install the version in requirements.lock")


@cache
def families() -> tuple[str, ...]:
    """Names under which matplotlib knows these files alone: a font of the machine with the same name is never taken."""
    names = []
    for number, path in enumerate(font_files()):
        name = f"encdec figures {number}"
        fontManager.ttflist.append(FontEntry(fname=str(path), name=name, weight=400))
        names.append(name)
    return tuple(names)


@cache
def drawable_points() -> frozenset[int]:
    """The code points that some font has a glyph for."""
    return frozenset(point for path in font_files() for point in FT2Font(str(path)).get_charmap())


def missing(texts: Iterable[str]) -> tuple[str, ...]:
    """Characters of the texts that no font can draw, each once, in order. Marks without ink need no glyph."""
    points = drawable_points()
    seen = dict.fromkeys(character for text in texts for character in text)
    return tuple(c for c in seen if ord(c) not in points and category(c) not in ("Cc", "Cf", "Zs", "Zl", "Zp"))


def code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def label(text: str, *, most: int = 40) -> str:
    """A text of the data as it can stand in a figure: one line, no missing glyph, at most so many characters.

    What no font can draw is named by its code point, never drawn as an empty box.
    """
    shown = "".join(" " if category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    shown = shown if len(shown) <= most else shown[: most - 1] + ELLIPSIS
    lost = set(missing([shown]))
    return "".join(f"[{code_point(c)}]" if c in lost else c for c in shown)


def token_label(token: str, *, most: int = 12) -> str:
    """One token of a sequence alone: a space gets a mark that is seen, a mark without ink its code point."""
    if len(token) != 1:
        return label(token, most=most)
    kind = category(token)
    if token == " ":
        return SPACE_MARK
    if kind == "Zs":
        return OTHER_SPACE_MARK
    return code_point(token) if kind in ("Cc", "Cf", "Zl", "Zp") or missing([token]) else token
