"""Any bytes as a .jsonl file of text pairs: each line is a sample or is rejected, or all is refused."""

import json
from pathlib import Path

from harness import fuzz, instrumented

with instrumented():
    from tables import PAIRS, read_samples


def read(path: Path) -> None:
    found = read_samples(path)
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert len(found) == sum(line.strip(b" \t\r") != b"" for line in lines), "a line is lost"


def jsonl(*names: str) -> bytes:
    lines = [json.dumps(dict(zip(names, (*pair, "x"), strict=False))) for pair in PAIRS]
    return "\n".join(
        [*lines, '{"source": -12, "target": null}', '{"source": "\\ud800", "target": [1.5, true]}']
    ).encode()


if __name__ == "__main__":
    fuzz(
        read, name="input.jsonl", seeds=[jsonl("source", "target"), jsonl("source", "target", "slice"), b"[[[[NaN]]]]"]
    )
