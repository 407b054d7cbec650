"""Numbers as text: no more digits than are known, one sign for minus, nothing that depends on the locale."""

from math import floor, isfinite, log10

MINUS = "\u2212"
MAX_DECIMALS = 8
MAX_CHARACTERS = 300
"""Of a field of a table; the file has it whole."""


def decimals_for(spread: float) -> int:
    """Decimals at which the width of an interval has two significant digits."""
    return min(MAX_DECIMALS, max(0, 1 - floor(log10(spread)))) if spread > 0 else 0


def significant(value: float, digits: int = 4) -> str:
    """A number by itself, with so many significant digits; whole numbers are written out."""
    if not isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 10**12:
        return signed(f"{int(value):,}")
    magnitude = floor(log10(abs(value)))
    if magnitude < -4 or magnitude > 11:
        return signed(f"{value:.{digits - 1}e}")
    return signed(f"{value:,.{max(0, digits - 1 - magnitude)}f}")


def with_interval(value: float, low: float, high: float, *, plus: bool = False, whole: bool = False) -> str:
    """`0.985 [0.970, 0.996]`: as many decimals as the interval is worth.

    Args:
        plus: write the sign of a gain too.
        whole: a count, which has no decimals.
    """
    if low == high:
        text = significant(value)
        return f"+{text}" if plus and value > 0 else text
    decimals = 0 if whole else decimals_for(high - low)
    shown, lower, upper = (signed(f"{number:,.{decimals}f}") for number in (value, low, high))
    return f"{'+' if plus and value > 0 else ''}{shown} [{lower}, {upper}]"


def signed(text: str) -> str:
    """The minus sign instead of the hyphen, and none before a number that is rounded to 0."""
    if text.startswith("-") and not text.strip("-0.,"):
        return text[1:]
    return text.replace("-", MINUS)


def cell(text: str) -> str:
    """A field of a table: a long number and a long text are shortened, anything else stays as it is."""
    try:
        value = float(text)
    except ValueError:
        return shortened(text)
    return significant(value) if "." in text or "e" in text.lower() else text


def shortened(text: str) -> str:
    """The beginning of a text that is too long for a table."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}\u2026"


def value_text(value: object) -> str:
    """A parameter as a person would write it in params.yaml."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return significant(value)
        case list() | tuple():
            return f"[{', '.join(value_text(entry) for entry in value)}]"
        case _:
            return str(value)
