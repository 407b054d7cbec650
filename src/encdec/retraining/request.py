"""What a person or a workflow asks of `encdec retrain`."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from encdec.params.root import Kind
from encdec.retraining.batch import Mode
from encdec.tracking.project import Project

SOURCE = Path("data", "00_source")
FOLDER = "retraining"


class Request(NamedTuple):
    """`batch`: a path or an http address. `values`: KEY=VALUE for params.yaml. `decide`: say what would be done."""

    batch: str | None
    kind: Kind | None
    mode: Mode
    monitor: Path | None
    scheduled: bool
    values: tuple[str, ...]
    force: bool
    promote: bool
    decide: bool

    @property
    def key(self) -> str:
        """What it would change: two commands with the same key want the same.

        A digest, since it is kept in a file, and an address may be signed.
        """
        return sha256(repr((self.batch, self.kind, self.mode, self.values)).encode()).hexdigest()

    @property
    def brings(self) -> bool:
        return self.batch is not None or bool(self.values)


class Places(NamedTuple):
    """The folders of a retraining. `work`: of its state and its results; `scratch` is empty between two commands."""

    tree: Path
    work: Path

    @classmethod
    def of(cls, project: Project) -> "Places":
        return cls(project.tree, project.work / FOLDER)

    @property
    def source(self) -> Path:
        return self.tree / SOURCE

    @property
    def scratch(self) -> Path:
        return self.work / "scratch"

    @property
    def staged(self) -> Path:
        """The files of a batch, each at its later place below the user's folder."""
        return self.work / "staged"

    @property
    def aside(self) -> Path:
        """Data that were replaced, each time in a folder of its own."""
        return self.work / "aside"

    @property
    def results(self) -> Path:
        """Where results are made before they take the place of the last ones."""
        return self.work / "next"
