"""What a stage asks of MLflow, as values: they can be kept on the disk while the server is away, and be sent later."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from encdec.tracking.inputs import Context
from encdec.tracking.recorder import Point


class Operation(BaseModel):
    """`run`: a run id, or the key of a child that an earlier operation makes.

    `attachments`: files and folders that are sent, by a name; a copy of them is kept where they cannot be sent at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    run: str
    attachments: dict[str, str] = Field(default_factory=dict)


class Batch(Operation):
    """`continued`: steps that the run has already are not written again."""

    kind: Literal["batch"] = "batch"
    metrics: list[Point] = Field(default_factory=list)
    params: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    continued: bool = False


class Child(Operation):
    """A new run below `parent`; `run` is the key by which later operations name it."""

    kind: Literal["child"] = "child"
    parent: str
    name: str
    tags: dict[str, str]


class Resume(Operation):
    """A run that ended is under way again."""

    kind: Literal["resume"] = "resume"


class End(Operation):
    """`at`: milliseconds."""

    kind: Literal["end"] = "end"
    status: str
    at: int


class Text(Operation):
    kind: Literal["text"] = "text"
    text: str
    path: str


class Files(Operation):
    """The one attachment, a file, or a folder with all that is in it, below the artifact folder of that name."""

    kind: Literal["files"] = "files"
    folder: str | None


class Data(Operation):
    """A dataset that the run used."""

    kind: Literal["data"] = "data"
    name: str
    path: str
    digest: str
    context: Context
    tags: dict[str, str]


class Package(Operation):
    """The attachment `package`: what MLflow serves, to be logged as the run's model."""

    kind: Literal["package"] = "package"
    name: str


class Describe(Operation):
    """Make the description of a training run anew."""

    kind: Literal["describe"] = "describe"


class Evaluation(Operation):
    """An evaluation for the row of its model: the training run of the weights of that digest, or a restored one.

    `attachments`: artifact folders by their name, and, as `side_by_side/..`, files for the top of the artifacts.
    `spec`: the parameters of a restored row. `group`: that of the evaluation's run (see `seeds.groups`).
    """

    kind: Literal["evaluation"] = "evaluation"
    weights: str
    digest: str
    spec: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    shared: dict[str, str]
    commit: str | None
    group: str | None


class HandOver(Operation):
    """Where an earlier training gave the same weights and they were evaluated: give the run that evaluation."""

    kind: Literal["hand_over"] = "hand_over"
    weights: str
    digest: str


class Settle(Operation):
    """Let a parent have the status that its stages give it. `at`: milliseconds."""

    kind: Literal["settle"] = "settle"
    at: int


AnyOperation = Annotated[
    Batch | Child | Resume | End | Text | Files | Data | Package | Describe | Evaluation | HandOver | Settle,
    Field(discriminator="kind"),
]


class Line(BaseModel):
    """An operation in its place: `number` counts up from 0."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    number: int
    operation: AnyOperation


def leading(waiting: Iterable[Line]) -> list[Line]:
    """The first operation with those behind it that one call can do as well."""
    lines = iter(waiting)
    group = [next(lines)]
    first = group[0].operation
    for line in lines:
        each = line.operation
        if not (isinstance(first, Batch) and isinstance(each, Batch)):
            break
        if (first.run, first.continued) != (each.run, each.continued):
            break
        group.append(line)
    return group


def merged(group: Sequence[Line]) -> AnyOperation:
    operations = [line.operation for line in group]
    batches = [each for each in operations if isinstance(each, Batch)]
    if len(batches) < 2:
        return operations[0]
    return Batch(
        run=batches[0].run,
        continued=batches[0].continued,
        metrics=[point for each in batches for point in each.metrics],
        params={key: value for each in batches for key, value in each.params.items()},
        tags={key: value for each in batches for key, value in each.tags.items()},
    )
