"""What a cell of a user's table may hold: text that can be shown, stored and compared, and not a whole library."""

import re
from collections.abc import Sequence

from encdec.sources.rejections import Rejection

MAX_CHARACTERS = 100_000
"""Of one cell: far more than any model here reads, far less than would fill the memory."""
# Lone surrogates, and control characters but tab, line feed, carriage return and next line, which are white space.
REFUSED = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""What decode_text makes of the bytes 0x80 to 0xff where they are no UTF-8."""


def rejection_of(place: str, names: Sequence[str], cells: Sequence[str]) -> Rejection | None:
    """What is wrong with the first bad one of the cells of a row; None where nothing is."""
    for name, cell in zip(names, cells, strict=True):
        found = REFUSED.search(cell)
        if found is not None:
            return refused(place, name, found=found)
        if len(cell) > MAX_CHARACTERS:
            told = f"{name} has {len(cell):,} characters, expected at most {MAX_CHARACTERS:,}"
            return Rejection(place, "enormous cell", told)
    return None


def refused(place: str, name: str, *, found: "re.Match[str]") -> Rejection:
    """`found`: what REFUSED found in the text of `name`."""
    number, position = ord(found[0]), found.start() + 1
    if number in ESCAPED_BYTES:
        byte = bytes([number - 0xDC00])
        meant = byte.decode("cp1252", errors="ignore")
        guess = f" (in Windows-1252 it would be {meant})" if meant else ""
        told = f"{name} has the byte 0x{byte.hex()} as character {position}{guess}: save the file as UTF-8"
        return Rejection(place, "not UTF-8", told)
    if 0xD800 <= number <= 0xDFFF:
        told = (
            f"{name} has U+{number:04X}, half of a surrogate pair, as character {position}: write the whole character"
        )
        return Rejection(place, "not Unicode", told)
    what = f"{name} has the control character U+{number:04X} as character {position}: remove it"
    return Rejection(place, "control character", what)
