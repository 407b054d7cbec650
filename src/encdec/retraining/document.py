"""What came of a retraining, with every number: retrain.json and the text of the pull request are made of it."""

from typing import Literal

from encdec.promotion.decision import Decision, MetricLine
from encdec.retraining.state import Placed, Record

FORMAT = 1
"""Of the JSON; another number means that a key has gone or means something else."""
PICTURES = "pictures"
"""The folder beside retrain.json."""
Outcome = Literal["nothing", "decided", "accepted", "refused", "unchanged", "invalid", "stopped", "failed"]


class Rows(Record):
    """Metrics on some rows, before and after; `unit`: images or distinct sources."""

    rows: int
    unit: str
    metrics: tuple[MetricLine, ...]


class SliceLine(Record):
    """The first metric on the rows of one class or slice. `gain`: above 0 where the challenger is better.

    `p`: of the paired permutation test that it is not worse; `worse`: beyond noise, corrected for all slices (Holm).
    """

    name: str
    rows: int
    before: float
    after: float
    gain: float
    p: float
    worse: bool


class Mistake(Record):
    """A test row that the challenger gets wrong, or much worse, and the champion did not. `new`: not in the old test.

    `given`: of texts the source. `expected`, `before`, `after`: class names, texts, or errors as text.
    """

    sample: str
    new: bool
    given: str | None
    expected: str
    before: str
    after: str


class Picture(Record):
    """`file`: relative to retrain.json."""

    file: str
    title: str
    caption: str
    alt: str


class Judged(Record):
    """A model whose weights are others than before. `champion`: what there was before, in words; None: nothing was.

    `fixed`: on the test rows of the last commit; `new`: on those that were not among them; `whole`: on all of now.
    `notes`: what could not be measured, and why. `recorded`: where that is the champion, the metrics that the last
    commit has of its model, which are no comparison. `gate`: None where no gate was asked.
    """

    model: str
    metric: str
    higher_is_better: bool
    champion: str | None
    fixed: Rows | None
    new: Rows | None
    whole: Rows
    slices: tuple[SliceLine, ...]
    mistakes: tuple[Mistake, ...]
    num_mistakes: int
    num_mended: int
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]
    recorded: dict[str, float]
    fixed_reason: str
    fixed_passed: bool
    gate: Decision | None
    accepted: bool
    promoted: bool
    summary: str


class DataLine(Record):
    """A kind of data, before and after."""

    kind: str
    rows_before: int | None
    rows_after: int
    added: int
    removed: int
    rejected: int
    test_before: int | None
    test_after: int
    classes_added: tuple[str, ...]
    classes_removed: tuple[str, ...]
    warnings: tuple[str, ...]


class ParameterLine(Record):
    key: str
    before: str
    after: str


class Document(Record):
    """`reasons`: their names. `details`: why the data are invalid, or what stopped it.

    `done`: the run in MLflow of an earlier retraining that has come to this already.
    """

    format: int
    sentence: str
    outcome: Outcome
    retrained: bool
    accepted: bool
    changed: bool
    promoted: bool
    reasons: tuple[str, ...]
    texts: tuple[str, ...]
    monitored: str | None
    details: str | None
    base: str | None
    batch: Placed | None
    data: tuple[DataLine, ...]
    parameters: tuple[ParameterLine, ...]
    code: tuple[str, ...]
    models: tuple[Judged, ...]
    stages: tuple[str, ...]
    restored: tuple[str, ...]
    run_id: str | None
    done: str | None
    undo: tuple[str, ...]

    def text(self) -> str:
        return self.model_dump_json(indent=2) + "\n"
