"""Source `folder`: a user's own images, in a folder per class or named by an index file."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from encdec.params.data import SPLITS, Folder
from encdec.pixels import fit_pixels
from encdec.sources.classes import check_classes
from encdec.sources.decoding import SUFFIXES, ImageError, decode_image
from encdec.sources.entries import AT, Entry, Listing
from encdec.sources.image_file import ImageFiles
from encdec.sources.image_index import list_index
from encdec.sources.image_tree import list_tree
from encdec.sources.manifest import IMAGE_COLUMNS, ImageSample, frame, image_row, write_manifest
from encdec.sources.provenance import FILES_FOLDER, digest, write_image_source
from encdec.sources.rejections import Rejection, hold_limit
from encdec.sources.shards import SHARDS_FOLDER, ShardWriter
from encdec.sources.window import batch_of, outside
from encdec.sources.workers import worked

LICENCE = "the user's own data"
PIXEL_MAX = 255


def ingest_folder(params: Folder, *, user_dir: Path, out: Path) -> None:
    """Pack and describe the images of `user_dir`: a folder per class, or the index and what it names.

    A file that is no image of use is left out and listed, up to the share that the parameters allow.

    Raises:
        ValueError: there is no image, something lies there that cannot belong, too much is rejected, or the classes
            are none that could be told apart.
    """
    listing = in_window(params, user_dir)
    if not listing.entries and not listing.rejected:
        raise ValueError(
            f"{user_dir}: holds no image. Put yours into {user_dir}/<class>/ ({', '.join(SUFFIXES)}), or name in "
            f"{AT}.index a .csv or .parquet file there with the columns path and label"
        )
    files = out / FILES_FOLDER
    files.mkdir()
    indices = keep_indices(listing, user_dir, files)
    shards = files / SHARDS_FOLDER
    shards.mkdir()
    shares = params.split.shares()
    found = packed(params, listing, user_dir=user_dir, shards=shards)
    rejected = [*listing.rejected, *found.rejected]
    manifest = frame(found.rows, IMAGE_COLUMNS)
    what = f"files in {user_dir}"
    hold_limit(rejected, accepted=len(manifest), what=what, limit=params.max_rejected, key=f"{AT}.max_rejected")
    check_classes(manifest, listing.entries, rejected, declared=params.classes, user_dir=user_dir)
    write_manifest(out, manifest, rejected=rejected)
    if listing.entries[0].split is not None:
        counts = manifest["split"].value_counts()
        shares = {split: int(counts.get(split, 0)) / len(manifest) for split in SPLITS}
    classes = sorted(set(manifest["label"])) if params.classes is None else params.classes
    found.digests.update(indices)
    write_image_source(
        out,
        name="folder",
        classes=classes,
        pixel_max=PIXEL_MAX,
        split=shares,
        licence=LICENCE,
        files=found.digests,
    )


def in_window(params: Folder, user_dir: Path) -> Listing:
    """The base data and the batches in use.

    Raises:
        ValueError: something lies there that cannot belong.
    """
    if params.index is not None:
        return list_index(user_dir, params.index, newest=params.batches)
    listing = list_tree(user_dir)
    paths = [each.path for each in listing.entries] + [each.sample for each in listing.rejected]
    left_out = outside((name for name in map(batch_of, paths) if name is not None), newest=params.batches)
    entries = [each for each in listing.entries if batch_of(each.path) not in left_out]
    return Listing(entries, [each for each in listing.rejected if batch_of(each.sample) not in left_out])


def keep_indices(listing: Listing, user_dir: Path, files: Path) -> dict[str, str]:
    """Copy the index files that were read, and give the SHA-256 of each by its place."""
    found = {}
    for name in listing.indices:
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_bytes((user_dir / name).read_bytes())
        found[name] = digest(files / name)
    return found


class Packed(NamedTuple):
    """Some of the files: their rows of the manifest, what cannot be used, and the SHA-256 of each that is kept."""

    rows: list[tuple[object, ...]]
    rejected: list[Rejection]
    digests: dict[str, str]


def packed(params: Folder, listing: Listing, *, user_dir: Path, shards: Path) -> Packed:
    """All files of a listing, by all cores, into an existing folder of shards."""
    found, shares = Packed([], [], {}), params.split.shares()
    pack = partial(pack_images, user_dir=user_dir, shards=shards, shape=params.shape, shares=shares)
    with closing(worked(pack, list(enumerate(listing.entries)), label="ingest images")) as parts:
        for part in parts:
            found.rows.extend(part.rows)
            found.rejected.extend(part.rejected)
            found.digests.update(part.digests)
    return found


def pack_images(
    entries: Sequence[tuple[int, Entry]],
    *,
    user_dir: Path,
    shards: Path,
    shape: tuple[int, int, int],
    shares: Mapping[str, float],
) -> Packed:
    """Read, judge, describe and keep each file: all that is done with it while its bytes are in memory.

    Args:
        entries: with their numbers; the first gives the shard its name, whoever writes it.
    """
    source, done = ImageFiles(user_dir), Packed([], [], {})
    with ShardWriter(shards / f"{entries[0][0]:08d}.parquet") as shard:
        for _, entry in entries:
            try:
                data = source.read(entry.path)
                pixels = decode_image(data, name=entry.path)
            except ImageError as error:
                done.rejected.append(Rejection(entry.path, error.reason, error.detail))
                continue
            shard.add(entry.path, data)
            # by what training will see: a copy in grey, in another size or format must not fall into another split
            seen = fit_pixels(pixels, shape).transpose(1, 2, 0)
            done.rows.append(image_row(ImageSample(entry.path, entry.label, pixels, entry.split, seen), shares))
            done.digests[entry.path] = sha256(data).hexdigest()
    return done
