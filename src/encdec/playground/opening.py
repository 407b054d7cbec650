"""What there is to play with: trained models, and the prepared data that they were trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from encdec.cards import Card, ImageCard
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.storage import StoredModelError, TrainedModel, load_model
from encdec.params.root import MODEL_NAMES, SPEC_TYPES, Kind, ModelName
from encdec.serving.texts import TextModel, load_text_model

RUN = "run `make repro`"


class Images(NamedTuple):
    """The prepared splits of images; `test` only gives examples to click."""

    train: ImageSplit
    val: ImageSplit
    test: ImageSplit


class Opened(NamedTuple):
    """Models of images by their name, all of one card; the model of texts; and why something is not there.

    `missing` has a sentence for each model that is absent, and, under "images" and "pairs", for absent prepared data.
    """

    card: ImageCard | None
    models: Mapping[ModelName, TrainedModel]
    texts: TextModel | None
    images: Images | None
    pairs: PairSplit | None
    origins: Mapping[ModelName, str]
    missing: Mapping[ModelName | Kind, str]


def open_everything(models: Path, prepared: Path, *, chosen: Mapping[ModelName, "Chosen"]) -> Opened:
    """What of the last `dvc repro` can be used, with the models of the registry in place of those of their name.

    Args:
        models: a folder per trained model.
        prepared: images/ and pairs/ with a folder per split.
        chosen: models from elsewhere. Where they read other images than the rest, they decide what is shown.

    Raises:
        ValueError: there is no model at all.
    """
    missing: dict[ModelName | Kind, str] = {}
    loaded, origins = load_models(models, chosen, missing)
    card = shared_card([*chosen, *MODEL_NAMES], loaded)
    for name, model in list(loaded.items()):
        if isinstance(model.card, ImageCard) and model.card != card and card is not None:
            missing[name] = f"It was trained on {described(model.card)}, and this page shows {described(card)}: {RUN}."
            del loaded[name]
    if not loaded:
        raise ValueError(f"there is no trained model in {models}: {RUN} first.\n" + "\n".join(missing.values()))
    texts = None
    if "seq2seq" in loaded:
        texts = load_text_model(chosen["seq2seq"].folder if "seq2seq" in chosen else models / "seq2seq")
        loaded.pop("seq2seq")
    return Opened(
        card,
        loaded,
        texts,
        open_images(prepared / "images", card, missing) if card else None,
        open_pairs(prepared / "pairs", texts, missing) if texts else None,
        origins,
        missing,
    )


class Chosen(NamedTuple):
    """A model from elsewhere: its folder here, and the address by which it was asked for."""

    folder: Path
    address: str


def load_models(
    models: Path, chosen: Mapping[ModelName, Chosen], missing: dict[ModelName | Kind, str]
) -> tuple[dict[ModelName, TrainedModel], dict[ModelName, str]]:
    """What can be loaded, and where it comes from; a model that was asked for must be loadable."""
    loaded, origins = {}, {}
    for name in MODEL_NAMES:
        folder, origin = chosen.get(name, Chosen(models / name, f"{models / name}"))
        try:
            loaded[name] = load_model(folder)
            origins[name] = origin
        except StoredModelError as error:
            if name in chosen:
                raise
            missing[name] = f"{error}"
    return loaded, origins


def shared_card(order: list[ModelName], loaded: Mapping[ModelName, TrainedModel]) -> ImageCard | None:
    """The card of the first model of images, those that were asked for before the others."""
    cards: list[Card] = [loaded[name].card for name in order if name in loaded and SPEC_TYPES[name].kind == "images"]
    return next((card for card in cards if isinstance(card, ImageCard)), None)


def described(card: ImageCard) -> str:
    return f"{card.source} ({card.channels} x {card.height} x {card.width}, {len(card.classes)} classes)"


def open_images(folder: Path, card: ImageCard, missing: dict[ModelName | Kind, str]) -> Images | None:
    try:
        found = Images(*(ImageSplit.open(folder / split) for split in ("train", "val", "test")))
    except ValueError as error:
        missing["images"] = f"There are no images to compare with: {error}."
        return None
    if found.train.card != card:
        missing["images"] = (
            f"The prepared images are {described(found.train.card)}, the models were trained on {described(card)}: "
            f"{RUN} to see examples and to compare with them."
        )
        return None
    return found


def open_pairs(folder: Path, texts: TextModel, missing: dict[ModelName | Kind, str]) -> PairSplit | None:
    try:
        found = PairSplit.open(folder / "test")
    except ValueError as error:
        missing["pairs"] = f"There are no examples: {error}."
        return None
    if found.card.source_vocab_size != texts.source.size:
        missing["pairs"] = f"There are no examples: the model was trained on other pairs than those of {folder}: {RUN}."
        return None
    return found
