"""From the bytes of a user's file to text: UTF-8, with or without a byte order mark. What else it may be is named."""

from pathlib import Path

# A longer beginning first. `what to do` follows.
BEGINNINGS = (
    (b"\xff\xfe\0\0", "is written in UTF-32, expected UTF-8: save it as UTF-8"),
    (b"\0\0\xfe\xff", "is written in UTF-32, expected UTF-8: save it as UTF-8"),
    (b"\xff\xfe", "is written in UTF-16, expected UTF-8: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    (b"\xfe\xff", "is written in UTF-16, expected UTF-8: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    (b"PK\x03\x04", "is a ZIP archive or an Excel workbook, expected text: unpack it, or save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, expected text: save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "is compressed with gzip, expected text: unpack it (gunzip)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with Zstandard, expected text: unpack it (unzstd)"),
    (b"PAR1", "is a Parquet file, expected text: give it the ending .parquet"),
)
SAMPLED_BYTES = 1024


def decode_text(path: Path) -> str:
    """The text of a file without its byte order mark. A byte that is no UTF-8 becomes the lone surrogate U+DC00 + byte.

    The text of a file that is UTF-8 has no such character, so that what is wrong can be told apart by its line.

    Raises:
        ValueError: the file is in another encoding or of another type.
    """
    data = path.read_bytes()
    for beginning, told in BEGINNINGS:
        if data.startswith(beginning):
            raise ValueError(f"{path}: {told}")
    start = data[:SAMPLED_BYTES]
    # Without a mark UTF-16 shows in a zero in every other byte of Latin letters, delimiters and line ends.
    for offset, order in ((1, "LE"), (0, "BE")):
        if len(start) >= 4 and start[offset::2].count(0) > len(start) // 4 > start[1 - offset :: 2].count(0) * 4:
            raise ValueError(f"{path}: seems to be UTF-16, expected UTF-8: save it as UTF-8 (iconv -f UTF-16{order})")
    return data.decode("utf-8-sig", errors="surrogateescape")
