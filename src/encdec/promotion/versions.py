"""The registered versions of a model as a table in the terminal."""

from encdec.tracking.aliases import DECISION_TAG, read_pointers, versions_of
from encdec.tracking.store import Store

HEADER = ("version", "alias", "decision", "when", "measured")
MAX_CHARACTERS = 100


def versions_text(store: Store, model: str) -> str:
    """A line per version, the newest first; below those that were refused or left, why.

    Raises:
        ValueError: none is registered.
    """
    versions = versions_of(store, model)
    if not versions:
        raise ValueError(f"no version of {model} is registered: `encdec promote {model}` registers one")
    pointers = read_pointers(store, model)._asdict()
    rows: list[tuple[str, ...]] = [HEADER]
    reasons = [""]
    for version in reversed(versions):
        number, tags = int(version.version), version.tags
        names = ", ".join(alias for alias, to in pointers.items() if to == number)
        decided = tags.get(DECISION_TAG, "not judged")
        when, measured = tags.get("promotion.at", "-"), tags.get("promotion.headline", "-")
        rows.append((str(number), names or "-", decided, when, measured))
        why = tags.get("promotion.rolled_back") or (
            tags.get("promotion.reason", "") if decided in ("refused", "not moved") else ""
        )
        reasons.append(why if len(why) <= MAX_CHARACTERS else f"{why[:MAX_CHARACTERS]}…")
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADER))]
    lines = []
    for row, why in zip(rows, reasons, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if why:
            lines.append(f"{' ' * (widths[0] + 2)}{why}")
    return "\n".join(lines)
