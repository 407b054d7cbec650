"""What was trained on what: each kind of data in a line, with the models that read it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from encdec.params.root import Kind
from encdec.report.checks import DataChecks
from encdec.report.files import read_mapping
from encdec.report.results import Result

SOURCES: Mapping[str, str] = {
    "digits": "real handwritten digits, from scikit-learn",
    "mnist": "MNIST: handwritten digits",
    "fashion-mnist": "Fashion-MNIST: pieces of clothing",
    "kmnist": "KMNIST: cursive Japanese characters",
    "folder": "images of your own",
    "dates": "dates as people write them in many languages, with their ISO 8601 form",
    "cmudict": "CMUdict: English words with their pronunciation",
    "multi30k": "Multi30k: descriptions of pictures with their translation",
    "table": "text pairs of your own",
}


class Material(NamedTuple):
    """`form`: what a row looks like to a model; `titles`: the models trained on it."""

    kind: Kind
    source: str
    meaning: str
    form: str
    data: DataChecks
    titles: tuple[str, ...]


def read_material(data: Sequence[DataChecks], results: Sequence[Result], models: Path) -> tuple[Material, ...]:
    """From the cards that training put beside the weights.

    Raises:
        ValueError: a file is missing.
    """
    found = []
    for each in data:
        readers = [result for result in results if result.kind == each.kind]
        form = ""
        if readers:
            first = readers[0].model
            form = describe(read_mapping(models / first / "spec.json", stage=f"train@{first}")["card"])
        meaning = SOURCES.get(each.source, "")
        titles = tuple(result.title for result in readers)
        found.append(Material(each.kind, each.source, meaning, form, each, titles))
    return tuple(found)


def describe(card: Mapping[str, Any]) -> str:
    """The shape of an image and the classes, or the sizes of the vocabularies."""
    if card["kind"] == "images":
        colour = "grey" if card["channels"] == 1 else f"{card['channels']} channels"
        return f"{card['height']} \u00d7 {card['width']} pixels, {colour}, {len(card['classes'])} classes"
    return (
        f"{card['source_vocab_size']:,} source tokens, {card['target_vocab_size']:,} target tokens "
        f"({card['target_tokens']}), up to {card['max_source_length']} and {card['max_target_length']} long"
    )
