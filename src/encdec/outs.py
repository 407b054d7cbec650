"""Outs appear whole or not at all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from encdec.remedies import named

OFF_FILE = "off.json"


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends well, and is removed when it does not."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if out.exists():
            shutil.rmtree(out)
        partial.replace(out)
    except OSError as error:
        raise named(error, out) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader never sees a part of it. UTF-8, newlines as given."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a reader never sees a part of it, and so that the old one stays where it does not fit."""
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise named(error, path) from error
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Sorted keys, two spaces, a last newline; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def switch_off(*outs: Path) -> None:
    """What a stage leaves when its model or its kind of data is switched off in params.yaml.

    Each out keeps its place in the graph: {} as a metrics file, empty as a table, else a folder with off.json alone.
    """
    for out in outs:
        match out.suffix:
            case ".json":
                write_json(out, {})
            case ".csv":
                write_text(out, "")
            case _:
                with whole_folder(out) as folder:
                    write_json(folder / OFF_FILE, {"enabled": False})
