"""Classes that nothing could be learned of stop ingest, and everything wrong with them is told at once."""

from pathlib import Path

import pandas as pd
import pytest

from encdec.sources.classes import check_classes
from encdec.sources.entries import Entry
from encdec.sources.rejections import Rejection, RejectionError

HOME = Path("mine")


def offered(**counts: int) -> list[Entry]:
    return [Entry(f"{label}/{number}.png", label, None) for label, count in counts.items() for number in range(count)]


def manifest(entries: list[Entry], *, test: tuple[str, ...] = ()) -> pd.DataFrame:
    """Every image in train, but for those of the classes in `test`."""
    labels = [entry.label for entry in entries]
    splits = ["test" if label in test else "train" for label in labels]
    return pd.DataFrame({"label": labels, "split": splits}, dtype="str")


def complaint(
    entries: list[Entry], rows: pd.DataFrame, *, rejected: tuple[Rejection, ...] = (), declared: list[str] | None = None
) -> str:
    with pytest.raises(ValueError, match=r"^mine: ") as caught:
        check_classes(rows, entries, rejected, declared=declared, user_dir=HOME)
    return str(caught.value)


def test_two_classes_of_three_images_are_enough() -> None:
    entries = offered(cats=3, dogs=3)
    check_classes(manifest(entries), entries, [], declared=None, user_dir=HOME)


def test_one_class_alone_is_refused() -> None:
    entries = offered(cats=50)
    assert complaint(entries, manifest(entries)) == (
        "mine: classes found: 'cats'; expected two or more, as models and baselines tell classes apart"
    )


def test_a_class_with_fewer_images_than_splits_is_refused() -> None:
    entries = offered(cats=3, dogs=1, newts=2)
    told = "but train, val, test need one each; add images to it, or take the class away"
    assert complaint(entries, manifest(entries)).split("\n") == [
        f"mine: class 'dogs' has 1 image, {told}",
        f"mine: class 'newts' has 2 images, {told}",
    ]


def test_a_class_of_which_no_image_can_be_used_does_not_vanish() -> None:
    entries = offered(cats=500, dogs=500, newts=2)
    rejected = tuple(Rejection(f"newts/{number}.png", "empty file", "has 0 bytes") for number in range(2))
    with pytest.raises(RejectionError, match=r"class 'newts' has 0 images that can be used, of 2, but") as caught:
        check_classes(manifest(entries[:-2]), entries, rejected, declared=None, user_dir=HOME)
    assert caught.value.rejected == rejected, "so that the list is kept beside the out"


def test_a_class_that_train_never_sees_is_refused() -> None:
    entries = offered(cats=5, dogs=5)
    assert complaint(entries, manifest(entries, test=("dogs",))) == (
        "mine: class 'dogs' has 5 images, none of them in train, where it would be learned; add images to it"
    )


@pytest.mark.parametrize("other", ["cats ", "ca\u0301ts"])
def test_names_that_look_the_same_are_refused(other: str) -> None:
    one = {"cats ": "cats", "ca\u0301ts": "c\u00e1ts"}[other]
    entries = offered(**{one: 5, other: 5})
    said = complaint(entries, manifest(entries))
    assert "look the same; give them one name, or different ones" in said
    assert ascii(one) in said
    assert ascii(other) in said


def test_letters_great_and_small_are_two_classes() -> None:
    entries = offered(a=3, A=3)
    check_classes(manifest(entries), entries, [], declared=None, user_dir=HOME)


def test_only_declared_classes_are_judged() -> None:
    entries = offered(cats=3, dogs=3, newts=1)
    check_classes(manifest(entries), entries, [], declared=["dogs", "cats", "absent"], user_dir=HOME)
    assert complaint(entries, manifest(entries), declared=["newts", "axolotls"]).split("\n")[0] == (
        "mine: classes found: 'newts'; expected two or more, as models and baselines tell classes apart"
    )
    assert complaint(entries, manifest(entries), declared=["x", "y"]) == (
        "mine: classes found: none of those in images.sources.folder.classes (x, y); expected two or more, as models "
        "and baselines tell classes apart"
    )
