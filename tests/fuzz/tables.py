"""What holds of the user's table of text pairs, of whatever type: imported by its harnesses while they instrument."""

from pathlib import Path

from encdec.params.loading import load_params
from encdec.sources.manifest import PairSample
from encdec.sources.rejections import Rejection
from encdec.sources.table import read_pairs

TABLE = load_params(Path(__file__).parents[2] / "params.yaml").params.pairs.sources.table
SLICED = TABLE.model_copy(update={"slice_column": "slice"})
PAIRS = [("one", "1"), ('say "hi"', "안녕"), ("a, b", "=1"), ("né\u0301", "\u200fא")]


def read_samples(path: Path) -> list[PairSample | Rejection]:
    """Samples and rejections: each named once by its place in the file, and every text such as can be used."""
    params = SLICED if b"slice" in path.read_bytes()[:100] else TABLE
    found = list(read_pairs(params, path))
    places = [one.sample for one in found]
    assert len(set(places)) == len(places), places
    assert all(place.startswith(f"{path.name}:") for place in places), places
    for one in found:
        texts = "".join(text for text in one if text is not None)  # a sample may have no split of its own
        texts.encode()
        if isinstance(one, Rejection):
            assert one.reason.isprintable(), one
            assert one.detail, one
        else:
            assert one.source.strip(), one
            assert one.target.strip(), one
            assert "\0" not in texts, one
            assert "\x1b" not in texts, one
    return found
