"""Whether the classes of a user's images are such that a model could learn and a test could tell them apart."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from encdec.params.data import SPLITS
from encdec.sources.entries import AT, Entry
from encdec.sources.printable import printable
from encdec.sources.rejections import Rejection, RejectionError


def check_classes(
    manifest: pd.DataFrame,
    entries: Iterable[Entry],
    rejected: Sequence[Rejection],
    *,
    declared: Sequence[str] | None,
    user_dir: Path,
) -> None:
    """Refuse classes of which nothing could be learned; all that is wrong is told at once.

    Args:
        manifest: the images that can be used.
        entries: all that were offered, so that a class of which none can be used does not vanish in silence.
        declared: the classes of params.yaml, or None for all; validation judges the images of others.

    Raises:
        ValueError: one class alone, names that look the same, a class with fewer images than there are splits, or one
            without an image in train.
    """
    usable = Counter(str(label) for label in manifest["label"])
    offered = Counter(entry.label for entry in entries if declared is None or entry.label in declared)
    learned = set(manifest.loc[manifest["split"] == "train", "label"])
    wrong = look_alikes(offered)
    if len(offered) < 2:
        names = ", ".join(map(repr, offered)) or f"none of those in {AT}.classes ({', '.join(declared or ())})"
        wrong.append(f"classes found: {names}; expected two or more, as models and baselines tell classes apart")
    for label in sorted(offered):
        told = f"class {label!r} has {counted(usable[label], offered[label])}"
        if usable[label] < len(SPLITS):
            wrong.append(f"{told}, but {', '.join(SPLITS)} need one each; add images to it, or take the class away")
        elif label not in learned:
            wrong.append(f"{told}, none of them in train, where it would be learned; add images to it")
    if wrong:
        message = "\n".join(f"{user_dir}: {printable(sentence)}" for sentence in wrong)
        raise RejectionError(message, rejected) if rejected else ValueError(message)


def counted(usable: int, offered: int) -> str:
    images = f"{usable} image{'' if usable == 1 else 's'}"
    return images if usable == offered else f"{images} that can be used, of {offered}"


def look_alikes(labels: Iterable[str]) -> list[str]:
    """Names that differ in white space around them or in the composition of their accents alone."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        groups[unicodedata.normalize("NFC", label).strip()].append(label)
    return [
        f"the classes {' and '.join(map(ascii, same))} look the same; give them one name, or different ones"
        for same in groups.values()
        if len(same) > 1
    ]
