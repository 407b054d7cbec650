"""Source `folder`: a user's own images, in a folder per class or named by an index file."""

from collections.abc import Iterator
from pathlib import Path

from encdec.params.data import SPLITS, Folder
from encdec.pixels import fit_pixels
from encdec.sources.classes import check_classes
from encdec.sources.decoding import SUFFIXES, ImageError, decode_image
from encdec.sources.entries import AT, Listing
from encdec.sources.image_file import read_image_file
from encdec.sources.image_index import list_index
from encdec.sources.image_tree import list_tree
from encdec.sources.manifest import ImageSample, image_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_image_source
from encdec.sources.rejections import Rejection, hold_limit

LICENCE = "the user's own data"
PIXEL_MAX = 255


def ingest_folder(params: Folder, *, user_dir: Path, out: Path) -> None:
    """Copy and describe the images of `user_dir`: a folder per class, or the index and what it names.

    A file that is no image of use is left out and listed, up to the share that the parameters allow.

    Raises:
        ValueError: there is no image, something lies there that cannot belong, too much is rejected, or the classes
            are none that could be told apart.
    """
    listing = list_tree(user_dir) if params.index is None else list_index(user_dir, params.index)
    if not listing.entries and not listing.rejected:
        raise ValueError(
            f"{user_dir}: holds no image. Put yours into {user_dir}/<class>/ ({', '.join(SUFFIXES)}), or name in "
            f"{AT}.index a .csv or .parquet file there with the columns path and label"
        )
    files = out / FILES_FOLDER
    files.mkdir()
    if params.index is not None:
        (files / params.index).write_bytes((user_dir / params.index).read_bytes())
    shares = params.split.shares()
    rejected = list(listing.rejected)
    samples = read_and_copy(listing, rejected, user_dir=user_dir, files=files, shape=params.shape)
    manifest = image_manifest(samples, shares=shares)
    what = f"files in {user_dir}"
    hold_limit(rejected, accepted=len(manifest), what=what, limit=params.max_rejected, key=f"{AT}.max_rejected")
    check_classes(manifest, listing.entries, rejected, declared=params.classes, user_dir=user_dir)
    write_manifest(out, manifest, rejected=rejected)
    if listing.entries[0].split is not None:
        counts = manifest["split"].value_counts()
        shares = {split: int(counts.get(split, 0)) / len(manifest) for split in SPLITS}
    classes = sorted(set(manifest["label"])) if params.classes is None else params.classes
    write_image_source(out, name="folder", classes=classes, pixel_max=PIXEL_MAX, split=shares, licence=LICENCE)


def read_and_copy(
    listing: Listing, rejected: list[Rejection], *, user_dir: Path, files: Path, shape: tuple[int, int, int]
) -> Iterator[ImageSample]:
    """The images one by one; what cannot be used is added to `rejected` instead."""
    for entry in listing.entries:
        try:
            data = read_image_file(user_dir, entry.path)
            pixels = decode_image(data, name=entry.path)
        except ImageError as error:
            rejected.append(Rejection(entry.path, error.reason, error.detail))
            continue
        kept = files / entry.path
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        # by what training will see: a copy in grey, in another size or format must not fall into another split
        seen = fit_pixels(pixels, shape).transpose(1, 2, 0)
        yield ImageSample(entry.path, entry.label, pixels, entry.split, seen)
