"""Which files of a package a module needs, read from its import statements."""

import ast
from collections.abc import Iterator
from pathlib import Path


def needed_files(package: Path, modules: list[str]) -> list[Path]:
    """The files of the package that the modules import, directly or not, also inside of functions; sorted.

    Args:
        package: its folder.
        modules: dotted names, the package's own name first.

    Raises:
        ValueError: a module is not in the package.
    """
    missing = [name for name in modules if find(package, name) is None]
    if missing:
        raise ValueError(f"{package}: no module {', '.join(missing)}")
    files: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        file = find(package, name)
        if file is None or name in files:
            continue  # `from a.b import c`: c may be a module or a name in b
        files[name] = file
        waiting += [name.rpartition(".")[0], *imported(file, package.name)]
    return sorted(files.values())


def find(package: Path, name: str) -> Path | None:
    first, *parts = name.split(".")
    if first != package.name:
        return None
    folder = package.joinpath(*parts)
    candidates = (folder.with_suffix(".py") if parts else folder / "__init__.py", folder / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def imported(file: Path, package: str) -> Iterator[str]:
    """The names that a file imports from the package; this project imports by full names alone."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == package)
