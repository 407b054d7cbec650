"""A row of a user's table."""

from typing import NamedTuple


class Row(NamedTuple):
    """`place`: the file's name and the line where the row begins, or its number from 1. `cells`: what is read of it."""

    place: str
    cells: tuple[str, ...]
