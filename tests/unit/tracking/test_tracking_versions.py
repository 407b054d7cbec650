from importlib.metadata import version
from pathlib import Path

import pytest

from encdec.tracking.versions import differences, main_versions, read_lock


def lock(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_what_differs_is_said(tmp_path: Path) -> None:
    torch, numpy = version("torch").partition("+")[0], version("numpy")
    path = lock(
        tmp_path,
        f"# a comment\n\nNumPy=={numpy}\nscikit_learn=={version('scikit-learn')}  # spelled otherwise\n"
        f"torch=={torch}\npandas==0.1\nno.such-package==1.2.3\ncolorama==9; sys_platform == 'win32'\n",
    )
    assert differences(path) == [
        f"pandas {version('pandas')} differs from 0.1",
        "no.such-package 1.2.3 is not installed",
    ]


def test_a_line_that_is_no_exact_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"requirements\.lock: line 2: 'torch>=2': should be name==version"):
        read_lock(lock(tmp_path, "numpy==2\ntorch>=2\n"))


def test_the_projects_own_lock_is_read(root: Path) -> None:
    assert {"torch", "mlflow", "dvc"} <= read_lock(root / "requirements.lock").keys()


def test_the_libraries_that_decide_about_results_are_known() -> None:
    assert main_versions()["torch"] == version("torch")
    assert {"encdec", "mlflow", "dvc", "numpy"} <= main_versions().keys()
