"""What is other than at the last commit: data and parameters."""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from encdec.params.root import KINDS, Kind, Params
from encdec.params.yaml_file import read_yaml
from encdec.report.numbers import shortened, value_text
from encdec.retraining.base import Base
from encdec.retraining.changes import MISSING
from encdec.retraining.document import DataLine, ParameterLine
from encdec.sources.manifest import MANIFEST_FILE
from encdec.sources.rejections import read_rejected
from encdec.tracking.flat import flattened
from encdec.tracking.locked import LOCK_FILE, read_dvc_lock
from encdec.tracking.project import Project
from encdec.tracking.reproduction.contents import Contents


def parameter_lines(tree: Path, base: Base) -> tuple[ParameterLine, ...]:
    """Every key whose value differs, in the order of the file."""
    if not base.params:
        return ()
    now = flattened(read_yaml(tree / "params.yaml"))
    keys = [key for key in {**now, **base.params} if now.get(key, MISSING) != base.params.get(key, MISSING)]
    return tuple(ParameterLine(key=key, before=text_of(base.params, key), after=text_of(now, key)) for key in keys)


def text_of(values: Mapping[str, object], key: str) -> str:
    """As it stands in params.yaml, whole numbers and fractions alike."""
    if key not in values:
        return "none"
    value = values[key]
    return repr(value) if isinstance(value, float) else shortened(value_text(value))


def data_lines(project: Project, params: Params, base: Base) -> Iterator[DataLine]:
    """A line for each kind of data whose raw data differ."""
    now = Base(None, read_dvc_lock(project.tree / LOCK_FILE), {})
    for kind in KINDS:
        before, after = base.raw(kind), now.raw(kind)
        if params.kind_enabled(kind) and after is not None and before != after:
            yield data_line(project, kind, before, raw=project.tree / after[0])


def data_line(project: Project, kind: Kind, before: tuple[str, str] | None, *, raw: Path) -> DataLine:
    """By the content of each row: a row in another file is the same row."""
    new, old = pd.read_parquet(raw / MANIFEST_FILE), old_manifest(project, before)
    now = Counter(new["content_hash"])
    then = Counter(old["content_hash"]) if old is not None else Counter[str]()
    classes = [set(table["label"]) if table is not None and "label" in table else set() for table in (old, new)]
    return DataLine(
        kind=kind,
        rows_before=None if old is None else len(old),
        rows_after=len(new),
        added=(now - then).total() if old is not None else len(new),
        removed=(then - now).total(),
        rejected=len(read_rejected(raw)),
        test_before=None if old is None else int((old["split"] == "test").sum()),
        test_after=int((new["split"] == "test").sum()),
        classes_added=tuple(sorted(classes[1] - classes[0])) if old is not None else (),
        classes_removed=tuple(sorted(classes[0] - classes[1])),
        warnings=tuple(warnings_of(project.tree / "data" / "02_validation" / kind / "validation.json")),
    )


def old_manifest(project: Project, before: tuple[str, str] | None) -> pd.DataFrame | None:
    """The manifest of the last commit alone, without the files beside it; None where DVC does not have it any more."""
    if before is None:
        return None
    contents = Contents(project)
    listing = contents.listing(before[1]) or {}
    found = contents.read(listing[MANIFEST_FILE]) if MANIFEST_FILE in listing else None
    return pd.read_parquet(io.BytesIO(found)) if found is not None else None


def warnings_of(file: Path) -> Iterator[str]:
    """Checks of severity warning that failed."""
    if file.is_file():
        for check in json.loads(file.read_bytes())["checks"]:
            if not check["success"] and check["severity"] == "warning":
                yield f"{check['check']}: {check['message']}"
