"""What a batch is compared with: train and val as dvc.lock has them, and the models that were trained on them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from encdec.params.root import Kind, ModelName, Params
from encdec.tracking.chain import REPRO, find_out, follows, made_stages, only, stage_of, unchanged
from encdec.tracking.locked import LockedStage
from encdec.tracking.project import Project

AUTOENCODERS: tuple[ModelName, ...] = ("autoencoder", "vae", "sparse_autoencoder", "denoising_autoencoder")
"""One is enough; the first that is trained."""
ROLES: Mapping[Kind, Mapping[str, tuple[ModelName, ...]]] = {
    "images": {
        "labels by the classifier, its confidence, its codes": ("cnn",),
        "reconstruction error, codes": AUTOENCODERS,
    },
    "pairs": {"codes, confidence, agreement with targets": ("seq2seq",)},
}


class Out(NamedTuple):
    """A folder by its name in dvc.lock, with its digest."""

    name: str
    digest: str


class Splits(NamedTuple):
    """The test split is not among them: it has one use, and that is evaluation."""

    train: Out
    val: Out


class LeftOut(NamedTuple):
    """What is not asked, and why."""

    what: str
    why: str


class Reference(NamedTuple):
    """`models`: by name, those that are there."""

    splits: Splits
    models: Mapping[ModelName, Out]
    left_out: Sequence[LeftOut]


def find_reference(project: Project, params: Params, kind: Kind) -> Reference:
    """Everything of a kind, held against its digests.

    Raises:
        ValueError: the kind is switched off, was not prepared, or its files are not those of dvc.lock.
    """
    if not params.kind_enabled(kind):
        raise ValueError(f"params.yaml: {kind}.enabled: is false, so there is nothing to compare with: {REPRO}")
    stages = made_stages(project)
    prepare = stage_of(stages, f"prepare@{kind}")
    train, val = (Out(*find_out(prepare, split)) for split in ("train", "val"))
    for out in (train, val):
        unchanged(project, *out)
    models: dict[ModelName, Out] = {}
    left_out = []
    for role, names in ROLES[kind].items():
        reasons = []
        for name in names:
            try:
                models[name] = find_model(project, stages, params, name, train)
                break
            except ValueError as reason:
                reasons.append(str(reason))
        else:
            left_out.append(LeftOut(role, "; ".join(reasons)))
    return Reference(Splits(train, val), models, left_out)


def find_model(project: Project, stages: Mapping[str, LockedStage], params: Params, name: ModelName, train: Out) -> Out:
    """The model that was trained on these rows.

    Raises:
        ValueError: it was not, it is switched off, or its files are not those of dvc.lock.
    """
    if not params.model_enabled(name):
        raise ValueError(f"{name} is switched off in params.yaml")
    out = Out(*only(stage_of(stages, f"train@{name}").outs))
    follows(stages, f"train@{name}", *train)
    unchanged(project, *out)
    return out
