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
from encdec.sources.entries import AT, Entry
from encdec.sources.image_file import ImageFiles
from encdec.sources.image_index import list_index
from encdec.sources.image_tree import list_tree
from encdec.sources.manifest import IMAGE_COLUMNS, ImageSample, frame, image_row, write_manifest
from encdec.sources.provenance import FILES_FOLDER, digest, write_image_source
from encdec.sources.rejections import Rejection, hold_limit
from encdec.sources.shards import SHARDS_FOLDER, ShardWriter
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
    shards = files / SHARDS_FOLDER
    shards.mkdir()
    shares = params.split.shares()
    found = Packed([], [], {})
    pack = partial(pack_images, user_dir=user_dir, shards=shards, shape=params.shape, shares=shares)
    with closing(worked(pack, list(enumerate(listing.entries)), label="ingest images")) as parts:
        for part in parts:
            found.rows.extend(part.rows)
            found.rejected.extend(part.rejected)
            found.digests.update(part.digests)
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
    if params.index is not None:
        found.digests[params.index] = digest(files / params.index)
    write_image_source(
        out,
        name="folder",
        classes=classes,
        pixel_max=PIXEL_MAX,
        split=shares,
        licence=LICENCE,
        files=found.digests,
    )


class Packed(NamedTuple):
    """Some of the files: their rows of the manifest, what cannot be used, and the SHA-256 of each that is kept."""

    rows: list[tuple[object, ...]]
    rejected: list[Rejection]
    digests: dict[str, str]


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
