from pathlib import Path

import pytest

from encdec.tracking.imports import needed_files


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "__init__.py": "",
        "a.py": "import os\nfrom toy.b import c\nfrom toy.d import name\nfrom toyland import x\n",
        "b/__init__.py": "",
        "b/c.py": "def f():\n    import toy.e\n",
        "b/unused.py": "",
        "d.py": "name = 1\n",
        "e.py": "from toy import a\n",  # round in a circle
    }
    for name, text in files.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "toy"


def test_what_is_imported_directly_or_not_is_needed_and_nothing_else(package: Path) -> None:
    found = [file.relative_to(package).as_posix() for file in needed_files(package, ["toy.a"])]
    assert found == ["__init__.py", "a.py", "b/__init__.py", "b/c.py", "d.py", "e.py"]


def test_a_module_that_is_not_there_is_named(package: Path) -> None:
    with pytest.raises(ValueError, match=r"no module toy\.z"):
        needed_files(package, ["toy.z"])
