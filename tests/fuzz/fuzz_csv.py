"""Any bytes as a .csv file of text pairs: samples and rejections in the order of the file, or all is refused."""

import csv
from io import StringIO
from pathlib import Path

from harness import fuzz, instrumented

with instrumented():
    from tables import PAIRS, read_samples


def read(path: Path) -> None:
    lines = [int(one.sample.split(":")[1]) for one in read_samples(path)]
    assert lines == sorted(lines)
    # at most one row begins in a line, and where nothing is quoted one row begins in every line that holds something
    text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    if '"' not in text:
        assert len(lines) == sum(line.strip("\r\n") != "" for line in StringIO(text, newline="")) - 1, "a line is lost"


def as_csv(*header: str) -> bytes:
    out = StringIO()
    csv.writer(out).writerows([header, *((*pair, "two\nlines")[: len(header)] for pair in PAIRS)])
    return out.getvalue().encode()


if __name__ == "__main__":
    seeds = [as_csv("source", "target"), as_csv("source", "target", "slice"), as_csv("a", "target", "source")]
    fuzz(read, name="input.csv", seeds=[*seeds, b'source;target\na;"b"\n', b'source,target\n"a""b",c\r\nd,"e\n'])
