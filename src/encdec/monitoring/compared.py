"""What a comparison of one kind of data gives."""

from collections.abc import Sequence
from typing import NamedTuple

from encdec.figures.picture import Picture
from encdec.monitoring.finding import Family
from encdec.monitoring.result import Remarkable


class Compared(NamedTuple):
    families: Sequence[Family]
    rows: tuple[Remarkable, ...]
    pictures: tuple[Picture, ...]
