"""What is asked of a promotion."""

from typing import NamedTuple


class Request(NamedTuple):
    """`target`: a model's name or an address. `dry_run`: judge, but write nothing and move nothing.

    `other_data`: accept one that may have been trained on today's test rows. `again`: and one that was rolled back, or
    that a retraining refused. `retraining`: it is one that asks, which judges the test rows of before itself.
    """

    target: str
    dry_run: bool
    note: str | None
    replace_incomparable: bool
    other_data: bool
    again: bool
    retraining: bool = False
