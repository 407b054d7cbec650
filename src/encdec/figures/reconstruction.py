"""What came in, what was rebuilt of it and where they differ, beside what a linear method makes of the same images."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.figures.fonts import label
from encdec.figures.image_grid import Row, image_rows
from encdec.figures.picture import Picture, Words
from encdec.figures.selection import largest, one_of_each, shown

Array = NDArray[np.floating]
Rows = NDArray[np.int64]


class Rival(NamedTuple):
    """A baseline, by the name of its row: `rebuild` maps images (N, C, H, W) to its own answer for them."""

    label: str
    rebuild: Callable[[Array], Array]


def errors(rebuilt: Array, wanted: Array) -> NDArray[np.float64]:
    """Mean squared error of each image, (N, C, H, W) twice -> (N,)."""
    return np.asarray(np.square(rebuilt - wanted).reshape(len(wanted), -1).mean(axis=1), dtype=np.float64)


def with_rival(rows: Sequence[Row], given: Array, wanted: Array, rival: Rival | None) -> list[Row]:
    """The rows, and the rival's answer for what it is given, with its own error."""
    if rival is None:
        return list(rows)
    answer = np.clip(rival.rebuild(given), 0.0, 1.0)
    return [*rows, Row(rival.label, answer), Row("its error", answer - wanted, "signed")]


def beaten(rebuilt: Array, given: Array, wanted: Array, rival: Rival | None) -> str:
    """One sentence: on how many of the images shown each has the smaller error."""
    if rival is None:
        return ""
    ours, theirs = errors(rebuilt, wanted), errors(np.clip(rival.rebuild(given), 0.0, 1.0), wanted)
    name = rival.label.replace("\n", " ")
    return f" The model is closer to the image than {name} on {int((ours < theirs).sum())} of these {len(wanted)}."


def usual_and_worst(
    images: Callable[[Rows], Array],
    rebuild: Callable[[Array], Array],
    *,
    card: ImageCard,
    labels: Rows,
    measured: NDArray[np.float64],
    rival: Rival | None,
) -> list[Picture]:
    """The reconstructions of one image of each class, and of those with the largest errors `measured` (N,).

    Args:
        images: what the model is asked to rebuild, (R, C, H, W) in [0, 1] of rows (R,).
        rebuild: the model, from images to images.
        labels: (N,), indices into the classes of the card.
    """
    count = shown(max(card.height, card.width))
    worst = largest(measured, count=count)
    usual, hard = images(one_of_each(labels, count=count)), images(worst)
    classes = [card.classes[int(one)] for one in labels[worst]]
    return [
        reconstructions(usual, rebuild(usual), rival=rival),
        worst_reconstructions(hard, rebuild(hard), classes=classes, mean=float(measured.mean()), rival=rival),
    ]


def reconstructions(inputs: Array, rebuilt: Array, *, rival: Rival | None) -> Picture:
    """Images (N, C, H, W) in [0, 1], one of each class first."""
    rows = [Row("input", inputs), Row("rebuilt", rebuilt), Row("error", rebuilt - inputs, "signed")]
    words = Words(
        name="reconstructions",
        title="Reconstructions",
        caption=(
            f"{len(inputs)} test images, one of each class first, none chosen by eye. Error is rebuilt less input: "
            f"orange is too bright, blue too dark; beneath each column the model's mean squared error."
            f"{beaten(rebuilt, inputs, inputs, rival)}"
        ),
        alt=f"Grid of {len(inputs)} images: input, reconstruction and error, of the model and of a linear baseline.",
        group="samples",
    )
    below = [f"{error:.4f}" for error in errors(rebuilt, inputs)]
    return image_rows(with_rival(rows, inputs, inputs, rival), words=words, below=below)


def worst_reconstructions(
    inputs: Array, rebuilt: Array, *, classes: Sequence[str], mean: float, rival: Rival | None
) -> Picture:
    """The images (N, C, H, W) with the largest errors, the worst first; `mean` is that of the whole split."""
    rows = [Row("input", inputs), Row("rebuilt", rebuilt), Row("error", rebuilt - inputs, "signed")]
    found = errors(rebuilt, inputs)
    words = Words(
        name="worst_reconstructions",
        title="Worst reconstructions",
        caption=(
            f"The {len(inputs)} test images that are rebuilt worst, the worst first; above each its class, beneath it "
            f"its mean squared error, which over all test images is {mean:.4f} on average. Unlike the rest, they are "
            f"the first to look at for a wrong label or a damaged file.{beaten(rebuilt, inputs, inputs, rival)}"
        ),
        alt=f"Grid of the {len(inputs)} worst reconstructions, errors {found.max():.4f} to {found.min():.4f}.",
        group="mistakes",
    )
    below = [f"{error:.4f}" for error in found]
    return image_rows(
        with_rival(rows, inputs, inputs, rival),
        words=words,
        above=[label(name, most=8) for name in classes],
        below=below,
    )


def denoised(
    clean: Array, noisy: Array, restored: Array, *, rival: Rival | None, noise: str, classes: Sequence[str] = ()
) -> Picture:
    """Triples (N, C, H, W): what the model was given, what it made of it, and what was under the noise.

    With `classes` they are the worst of the split and carry their class.
    """
    rows = [Row("noisy", noisy), Row("denoised", restored)]
    if rival is not None:
        rows.append(Row(rival.label, np.clip(rival.rebuild(noisy), 0.0, 1.0)))
    rows += [Row("clean", clean), Row("error", restored - clean, "signed")]
    worst = bool(classes)
    which = "restored worst, the worst first" if worst else "one of each class first, none chosen by eye"
    opening = f"The {len(clean)} test images {which}" if worst else f"{len(clean)} test images, {which}"
    words = Words(
        name="worst_denoised" if worst else "denoised",
        title="Worst restorations" if worst else "Noisy, denoised, clean",
        caption=(
            f"{opening}, corrupted by {noise}. Error is denoised less clean: orange is too "
            f"bright, blue too dark; beneath each column its mean square.{beaten(restored, noisy, clean, rival)}"
        ),
        alt=f"Grid of {len(clean)} images: noisy, denoised by the model and by a linear filter, and clean.",
        group="mistakes" if worst else "samples",
    )
    below = [f"{error:.4f}" for error in errors(restored, clean)]
    return image_rows(rows, words=words, above=[label(name, most=8) for name in classes], below=below)
