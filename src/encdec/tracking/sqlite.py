"""The database of a project that has no MLflow server: a file that is whole or not there."""

import errno
import os
from pathlib import Path

from filelock import FileLock

from encdec.remedies import EXPLAINED, check_writable, may


def make_sqlite(path: Path) -> None:
    """A new database with all its tables, whole or not there.

    MLflow makes it in sixty steps; one that a kill or a full disk left half-way could never be used again.
    """
    if path.exists() and not (path.is_file() and path.stat().st_size == 0):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):  # another project may make the same one
        if not path.exists() or path.stat().st_size == 0:
            fill_sqlite(path)


def fill_sqlite(path: Path) -> None:
    from mlflow.store.db.utils import _initialize_tables
    from sqlalchemy import create_engine

    partial = path.with_name(f"{path.name}.partial")  # .gitignore has mlflow.db*
    journal = path.with_name(f"{partial.name}-journal")
    partial.unlink(missing_ok=True)
    journal.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{partial.as_posix()}")
    try:
        _initialize_tables(engine)  # type: ignore[no-untyped-call]  # MLflow has not typed it
        engine.dispose()
        partial.replace(path)
    finally:
        engine.dispose()
        partial.unlink(missing_ok=True)
        journal.unlink(missing_ok=True)


def disk_trouble(uri: str, error: Exception) -> OSError | None:
    """The error of the system behind the words of SQLite, which has no numbers for it; None where it is another one."""
    from sqlalchemy.engine import make_url

    if isinstance(error, OSError) and error.filename is not None and error.errno in EXPLAINED:
        return error
    if not uri.lower().startswith("sqlite"):
        return None
    path = make_url(uri).database or ""
    if "disk is full" in str(error):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    try:
        check_writable(Path(path))
        if Path(path).exists() and not may(Path(path), os.W_OK):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    except OSError as trouble:
        return trouble
    return None
