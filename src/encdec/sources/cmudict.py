"""Source `cmudict`: English words and their pronunciations, from the CMU Pronouncing Dictionary."""

import re
from collections.abc import Iterator
from pathlib import Path

from encdec.params.data import Cmudict
from encdec.params.problems import shown
from encdec.sources.cells import REFUSED
from encdec.sources.download import PublicFile, fetch
from encdec.sources.encoding import decode_text
from encdec.sources.manifest import PairSample, pair_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_pair_source
from encdec.sources.unpacking import sha256_of_content

FILE = "cmudict.dict"
ADDRESS = f"https://raw.githubusercontent.com/cmusphinx/cmudict/0f8072f814306c5ee4fbf992ed853601b12c01f9/{FILE}"
SHA256 = "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"
BYTES = 3_618_488
LICENCE = "BSD 2-Clause: Copyright (C) 1993-2015 Carnegie Mellon University"
# A word, for its other pronunciations a number in brackets, and phonemes: capitals, and on a vowel its stress.
ENTRY = re.compile(r"(?P<name>(?P<word>\S+?)(?:\(\d+\))?)\s+(?P<phonemes>[A-Z]+[012]?(?:\s+[A-Z]+[012]?)*)")
STRESS = re.compile(r"[012]")
MOST_SHOWN = 20


def ingest_cmudict(params: Cmudict, *, out: Path) -> None:
    files = out / FILES_FOLDER
    files.mkdir()
    path = fetch(PublicFile("cmudict", FILE, ADDRESS, sha256_of_content(SHA256), BYTES), into=files)
    shares = params.split.shares()
    write_manifest(out, pair_manifest(read_entries(path, stress=params.stress), shares=shares))
    write_pair_source(out, name="cmudict", split=shares, licence=LICENCE)


def read_entries(path: Path, *, stress: bool) -> Iterator[PairSample]:
    """One sample per word and pronunciation, in the order of the file.

    Args:
        stress: keep the stress digits of vowels. Pronunciations of a word that differ in them alone become one.

    Raises:
        ValueError: no text of UTF-8, no entry at all, or lines that are no entry and no comment, of which the first are
            named when all are counted.
    """
    seen: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for number, line in enumerate(decode_text(path).split("\n"), start=1):
        # A comment stands at the start of a line or after white space: `#` and `;` inside a word belong to it.
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if not text or text.startswith(";;;"):
            continue
        entry = ENTRY.fullmatch(text)
        if entry is None or REFUSED.search(text):
            wrong.append(f"{path.name}:{number}: {shown(line)} is no entry: a word and its phonemes (word  W ER1 D)")
            continue
        phonemes = " ".join(entry["phonemes"].split())
        target = phonemes if stress else STRESS.sub("", phonemes)
        if (entry["word"], target) not in seen:
            seen.add((entry["word"], target))
            yield PairSample(entry["name"], entry["word"], "", entry["word"], target)
    if wrong:
        more = [f"... and {len(wrong) - MOST_SHOWN:,} more"] if len(wrong) > MOST_SHOWN else []
        raise ValueError("\n".join([*wrong[:MOST_SHOWN], *more]))
    if not seen:
        raise ValueError(f"{path.name}: has no entry, expected a word and its phonemes in each line (word  W ER1 D)")
