"""Any bytes as the CMU Pronouncing Dictionary: words and phonemes, or a refusal in words."""

import re
from pathlib import Path

from harness import fuzz, instrumented

with instrumented():
    from encdec.sources.cmudict import read_entries

PHONEME = re.compile(r"[A-Z]+[012]?")


def read(path: Path) -> None:
    for stress in (True, False):
        seen = set()
        for entry in read_entries(path, stress=stress):
            "".join(text for text in entry if text is not None).encode()
            assert entry.group == entry.source, entry
            assert entry.source == entry.source.strip() != "", entry
            assert all(PHONEME.fullmatch(phoneme) for phoneme in entry.target.split(" ")), entry
            assert stress or not re.search(r"[012]", entry.target), entry
            assert (entry.source, entry.target) not in seen, entry
            seen.add((entry.source, entry.target))


if __name__ == "__main__":
    text = b";;; a header\nread R EH1 D\nread(2) R IY1 D\nc# S IY1 SH AA1 R P # a note\n\n# a line\n'bout B AW1 T\n"
    fuzz(read, name="cmudict.dict", seeds=[text, "\ufeffé EY1\r\né(3) EY0\r\n".encode()])
