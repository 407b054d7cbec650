"""Names and texts of a user as one line that any terminal, table and JSON file can hold."""


def printable(text: str) -> str:
    """The text with what cannot be printed written as Python's escapes: \\n, \\x1b, \\u2028.

    A byte of a file name that is not UTF-8, which Python holds as a lone surrogate, is written as that byte: \\xff.
    """
    return text if text.isprintable() else "".join(map(escaped, text))


def escaped(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # how os.fsdecode keeps the byte number - 0xDC00
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
