"""Source `multi30k`: captions of photographs and their translations, between any two of four languages."""

from collections.abc import Iterator
from pathlib import Path

from encdec.params.data import SPLITS, Language, Multi30k
from encdec.sources.download import PublicFile, fetch
from encdec.sources.manifest import PairSample, pair_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_pair_source
from encdec.sources.unpacking import sha256_of_file

ADDRESS = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"
STEMS = {"train": "train", "val": "val", "test": "test_2016_flickr"}
SHA256 = {  # of the .gz files
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "train.cs": "a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    "val.cs": "b63226e05c4bd5dd6a42897d74b86a1b9d2c31498252c572b1ea7f7996927fcc",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.fr": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    "test_2016_flickr.cs": "200a4a74cc9560f051924abb9803be008d1908d77f747e9141aeb86dfd2797f1",
}
MAX_BYTES = 1 << 23  # the longest known file, train.de, has 2.1 MB
LICENCE = "for research: Multi30K (arXiv:1605.00459), translations of captions of Flickr30K"


def ingest_multi30k(params: Multi30k, *, out: Path) -> None:
    files = out / FILES_FOLDER
    files.mkdir()
    for stem in STEMS.values():
        for language in (params.source_language, params.target_language):
            fetch(public_file(stem, language), into=files)
    manifest = pair_manifest(read_captions(params, files), shares={})
    write_manifest(out, manifest)
    split = {name: float((manifest["split"] == name).mean()) for name in SPLITS}
    write_pair_source(out, name="multi30k", split=split, licence=LICENCE)


def public_file(stem: str, language: Language) -> PublicFile:
    name = f"{stem}.{language}"
    digest = sha256_of_file(SHA256[name])
    advice = "A file that was packed anew has another digest: put the original one there, byte for byte."
    return PublicFile("multi30k", f"{name}.gz", f"{ADDRESS}{name}.gz", digest, MAX_BYTES, advice)


def read_captions(params: Multi30k, files: Path) -> Iterator[PairSample]:
    """A sample per line, in the split of its file and named by its number there; the blanks at its ends are cut.

    Equal source texts form a group, in whatever splits they are: validation finds what the source itself leaks.

    Raises:
        ValueError: the files of the two languages differ in length.
    """
    for split, stem in STEMS.items():
        paths = [files / f"{stem}.{language}" for language in (params.source_language, params.target_language)]
        sources, targets = (lines(path) for path in paths)
        if len(sources) != len(targets):
            first, second = (path.name for path in paths)
            raise ValueError(f"multi30k: {first} has {len(sources)} lines, but {second} has {len(targets)}")
        for index, (source, target) in enumerate(zip(sources, targets, strict=True)):
            yield PairSample(f"{split}/{index:05d}", source, "", source, target, split)


def lines(path: Path) -> list[str]:
    """Only a line feed ends a line: other separators of Unicode stand inside of texts."""
    text = path.read_bytes().decode("utf-8")
    return [line.strip() for line in text.removesuffix("\n").split("\n")]
