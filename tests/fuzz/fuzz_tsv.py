"""Any bytes as a .tsv file of text pairs: each line below the header is a sample or is rejected, or all is refused."""

import re
from pathlib import Path

from harness import fuzz, instrumented

with instrumented():
    from tables import PAIRS, read_samples


def read(path: Path) -> None:
    found = read_samples(path)
    lines = re.split(rb"\r\n|\r|\n", path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    assert len(found) == sum(line != b"" for line in lines) - 1, "a line is lost"


def tsv(*header: str) -> bytes:
    rows = [header, *((*pair, "")[: len(header)] for pair in PAIRS)]
    return "".join("\t".join(row) + "\n" for row in rows).encode()


if __name__ == "__main__":
    seeds = [tsv("source", "target"), tsv("source", "target", "slice"), b"\xef\xbb\xbf" + tsv("target", "source")]
    fuzz(read, name="input.tsv", seeds=[*seeds, b"source\ttarget\r\na\tb\rc\td\ne\t\xff\n"])
