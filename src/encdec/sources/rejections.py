"""`rejected.csv`: what a source leaves out of its manifest, each with its reason; too much of it is an error."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from encdec.outs import table_text, write_text
from encdec.sources.printable import printable

REJECTED_FILE = "rejected.csv"
MOST_SHOWN = 20
MOST_CHARACTERS = 300


class Rejection(NamedTuple):
    """A file or a row that cannot be used, while the others can.

    `sample`: its path inside the user's folder, or file:line. `reason`: a short category, counted in the report.
    `detail`: what was found, what was expected, and what to do.
    """

    sample: str
    reason: str
    detail: str


class RejectionError(ValueError):
    """Too much is rejected. `rejected` is the whole list, of which the message shows the beginning."""

    def __init__(self, message: str, rejected: Sequence[Rejection]) -> None:
        super().__init__(message)
        self.rejected = tuple(rejected)


def hold_limit(rejected: Sequence[Rejection], *, accepted: int, what: str, limit: float, key: str) -> None:
    """Stop where more is rejected than params.yaml allows, or nothing is left.

    Args:
        accepted: how many samples are left.
        what: of what they are, in the plural: files, rows.
        limit: the share of all that may be rejected.
        key: where the limit stands in params.yaml.

    Raises:
        RejectionError: says how many, by reason, and lists the first.
    """
    total = accepted + len(rejected)
    if not rejected or (accepted and len(rejected) <= limit * total):
        return
    share = f"{len(rejected):,} of {total:,} {what} ({len(rejected) / total:.2%}) cannot be used"
    bound = f"more than {key} ({limit:g}) allows" if len(rejected) > limit * total else "so nothing is left"
    counts = Counter(rejection.reason for rejection in rejected)
    reasons = [f"  {count:,} {reason}" for reason, count in counts.most_common()]
    first = [f"  {shown(rejection)}" for rejection in rejected[:MOST_SHOWN]]
    head = f"The first {MOST_SHOWN}:" if len(rejected) > MOST_SHOWN else "They are:"
    remedy = f"Mend or remove them, or raise {key} to leave them out."
    raise RejectionError("\n".join([f"{share}, {bound}:", *reasons, head, *first, remedy]), rejected)


def shown(rejection: Rejection) -> str:
    text = printable(f"{rejection.sample}: {rejection.reason}: {rejection.detail}")
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."


@contextmanager
def rejected_beside(out: Path) -> Iterator[None]:
    """Where the block ends because too much is rejected, the list is kept as `<out>.rejected.csv`.

    The out itself does not appear then. A block that ends well removes the list of an earlier try.

    Raises:
        ValueError: the error of the block, which now says where the list lies.
    """
    kept = out.with_name(f"{out.name}.{REJECTED_FILE}")
    try:
        yield
    except RejectionError as error:
        write_text(kept, csv_text(rejected_frame(error.rejected)))
        raise ValueError(f"{error}\nThe whole list lies in {kept}") from error
    kept.unlink(missing_ok=True)


def rejected_frame(rejected: Sequence[Rejection]) -> pd.DataFrame:
    rows = [[printable(text) for text in rejection] for rejection in rejected]
    return pd.DataFrame(rows, columns=list(Rejection._fields), dtype="str")


def write_rejected(out: Path, rejected: Sequence[Rejection]) -> None:
    """Write the list beside the manifest; a source that rejects nothing has one with the header alone."""
    write_text(out / REJECTED_FILE, csv_text(rejected_frame(rejected)))


def read_rejected(out: Path) -> pd.DataFrame:
    """Sample, reason and detail, in the order in which they were found."""
    return pd.read_csv(out / REJECTED_FILE, dtype="str", keep_default_na=False)


def csv_text(rows: pd.DataFrame) -> str:
    """A table of texts as CSV, each row one line, whatever a user's names hold."""
    return table_text(rows.astype("str").map(printable))
