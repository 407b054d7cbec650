"""The figures that evaluate drew, as data URIs: the page needs no other file."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from encdec.report.files import read_bytes, read_json

INDEX_FILE = "figures.json"
PNG = b"\x89PNG\r\n\x1a\n"
GROUPS: Mapping[str, str] = {
    "quality": "How good it is",
    "samples": "What it does",
    "mistakes": "Where it errs",
    "code": "Inside the model",
    "learning": "How it learned",
}
"""In the order of the page."""


class Figure(NamedTuple):
    """`light`, `dark`: data URIs of the same picture for either colour scheme; width and height in pixels."""

    name: str
    title: str
    caption: str
    alt: str
    width: int
    height: int
    light: str
    dark: str


Figures = Mapping[str, tuple[Figure, ...]]
"""By group, in the order of GROUPS; a group without a figure is not there."""


def read_figures(folder: Path, *, stage: str) -> Figures:
    """What `figures.json` in a folder lists, with the pictures beside it.

    Raises:
        ValueError: a file is missing or no PNG, or an entry lacks a value.
    """
    index = folder / INDEX_FILE
    entries = read_json(index, stage=stage)
    if not isinstance(entries, list):
        found = type(entries).__name__
        raise ValueError(f"{index}: {found}, expected a list of figures; run `dvc repro --force {stage}`")
    for place, entry in enumerate(entries):
        check(entry, index, place, stage=stage)
    return {
        group: tuple(build_figure(folder, entry, stage=stage) for entry in entries if entry["group"] == group)
        for group in in_use(entries)
    }


def in_use(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    found = {entry["group"] for entry in entries}
    return [group for group in GROUPS if group in found]


def check(entry: Any, index: Path, place: int, *, stage: str) -> None:
    texts, sizes = ("name", "title", "caption", "alt", "group"), ("width", "height")
    valid = (
        isinstance(entry, dict)
        and all(isinstance(entry.get(key), str) for key in texts)
        and all(type(entry.get(key)) is int and entry[key] > 0 for key in sizes)
    )
    if not valid or entry["group"] not in GROUPS:
        expected = f"the texts {', '.join(texts)}, the sizes {', '.join(sizes)}, and a group of {', '.join(GROUPS)}"
        raise ValueError(f"{index}: entry {place}: expected {expected}; run `dvc repro --force {stage}`")


def build_figure(folder: Path, entry: Mapping[str, Any], *, stage: str) -> Figure:
    return Figure(
        name=entry["name"],
        title=entry["title"],
        caption=entry["caption"],
        alt=entry["alt"],
        width=entry["width"],
        height=entry["height"],
        light=data_uri(folder / f"{entry['name']}.light.png", stage=stage),
        dark=data_uri(folder / f"{entry['name']}.dark.png", stage=stage),
    )


def data_uri(path: Path, *, stage: str) -> str:
    content = read_bytes(path, stage=stage)
    if not content.startswith(PNG):
        raise ValueError(f"{path}: not a PNG; run `dvc repro --force {stage}`")
    return f"data:image/png;base64,{b64encode(content).decode()}"
