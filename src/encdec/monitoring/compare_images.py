"""A batch of images from the disk to its tests, its remarkable rows and its pictures."""

import numpy as np

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.figures.picture import Picture
from encdec.models.storage import TrainedModel, load_model
from encdec.monitoring.compared import Compared
from encdec.monitoring.image_tests import (
    ImageAnswers,
    ImageModels,
    KnownImages,
    answers_of,
    error_threshold,
    model_families,
    plain_families,
)
from encdec.monitoring.logged import Logged
from encdec.monitoring.pictures import hardest_images, mean_images
from encdec.monitoring.reference import AUTOENCODERS, Reference
from encdec.monitoring.result import Remarkable
from encdec.monitoring.rows import ImageRows, draw, known_images
from encdec.params.root import ModelName, Params
from encdec.tracking.project import Project

MOST_REMARKABLE = 8


def compare_images(
    project: Project, params: Params, reference: Reference, batch: ImageRows, logged: Logged
) -> Compared:
    """
    Raises:
        ValueError: a model was trained on other data than val has, or what was logged has nothing to be held against.
    """
    rules, seed = params.monitoring, params.seed
    train, val = (ImageSplit.open(project.tree / out.name) for out in reference.splits)
    known = KnownImages(
        train=known_images(train, most=rules.max_rows, seed=seed),
        val=known_images(val, most=rules.max_rows, seed=seed),
        card=val.card,
    )
    models = open_models(project, reference, val.card)
    check_logged(logged, models)
    drawn = draw(batch.num_rows, most=rules.max_rows, seed=seed)
    rows = batch.take(drawn)
    answers = answers_of(rows, models, logged.take(drawn))
    spoken = model_families(
        answers_of(known.val, models),
        answers,
        labels=(known.val.labels, rows.labels),
        classes=val.card.classes,
        threshold=error_threshold(known, models, rules),
        rules=rules,
        seed=seed,
    )
    families = [*plain_families(known, rows, rules, seed=seed, labels=batch.labels), *spoken]
    return Compared(families, remarkable(rows, answers), pictures(known, rows, answers))


def open_models(project: Project, reference: Reference, card: ImageCard) -> ImageModels:
    def opened(*names: ModelName) -> TrainedModel | None:
        found = next((name for name in names if name in reference.models), None)
        if found is None:
            return None
        folder = project.tree / reference.models[found].name
        model = load_model(folder)
        if model.card != card:
            raise ValueError(f"{folder}: trained with the card {model.card}, the prepared data have {card}: train it")
        return model

    return ImageModels(opened("cnn"), opened(*AUTOENCODERS))


def check_logged(logged: Logged, models: ImageModels) -> None:
    """What was logged is compared with what the same model says about val, so the model must be there."""
    if logged.classified is not None and models.classifier is None:
        raise ValueError("--predictions: has classes, and the classifier is left out: there is nothing to compare with")
    if logged.errors is not None and models.autoencoder is None:
        raise ValueError("--predictions: has reconstruction errors, and every autoencoder is left out")


def remarkable(batch: ImageRows, answers: ImageAnswers) -> tuple[Remarkable, ...]:
    """The rows that are rebuilt worst, and those of which the classifier is least sure."""
    found = []
    if answers.errors is not None:
        for row in np.argsort(-answers.errors, kind="stable")[:MOST_REMARKABLE]:
            found.append(Remarkable(what="error", name=batch.names[row], value=float(answers.errors[row]), text=""))
    if answers.classified is not None:
        classes, confidence = answers.classified
        for row in np.argsort(confidence, kind="stable")[:MOST_REMARKABLE]:
            found.append(
                Remarkable(what="confidence", name=batch.names[row], value=float(confidence[row]), text=classes[row])
            )
    return tuple(found)


def pictures(known: KnownImages, batch: ImageRows, answers: ImageAnswers) -> tuple[Picture, ...]:
    found = [mean_images(known.train, batch, known.card)]
    if answers.errors is not None:
        worst = np.argsort(-answers.errors, kind="stable")[:MOST_REMARKABLE]
        labels = [f"{answers.errors[row]:.3f}" for row in worst]
        found.append(hardest_images("error", next(batch.take(worst).scaled(known.card)), labels))
    if answers.classified is not None:
        classes, confidence = answers.classified
        least = np.argsort(confidence, kind="stable")[:MOST_REMARKABLE]
        labels = [f"{classes[row]} {100 * confidence[row]:.0f} %" for row in least]
        found.append(hardest_images("confidence", next(batch.take(least).scaled(known.card)), labels))
    return tuple(found)
