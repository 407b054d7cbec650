"""What pytest's own results say, and what is said where it cannot run."""

from pathlib import Path

import pytest

from encdec.promotion.behaviour import run_behaviour

OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--model-folder")
    parser.addoption("--prepared-folder")
"""
TESTS = """
import pytest
def test_it_is_right(): pass
def test_it_is_sure(request): assert request.config.getoption("--model-folder").endswith("cnn")
def test_it_fits_another(): pytest.skip("about another model")
def test_it_is_fast(): assert False
@pytest.fixture
def broken(): raise OSError("no data")
def test_it_has_data(broken): pass
"""


def tree(folder: Path, tests: str) -> Path:
    (folder / "tests" / "model").mkdir(parents=True)
    (folder / "tests" / "model" / "conftest.py").write_text(OPTIONS)
    (folder / "tests" / "model" / "test_it.py").write_text(tests)
    return folder


def test_passed_and_failed_tests_are_told_by_name(tmp_path: Path) -> None:
    found = run_behaviour(tree(tmp_path, TESTS), model=Path("cnn"), prepared=Path("images"))
    assert found.passed == ("test_it_is_right", "test_it_is_sure")
    assert found.failures == ("test_it_is_fast", "test_it_has_data")
    assert found.problem is None


def test_pytest_alone_is_enough_whatever_plugins_the_project_asks_for(tmp_path: Path) -> None:
    """As in a clone that `make repro` has set up and that has no pytest-timeout."""
    settings = '[tool.pytest.ini_options]\naddopts = "--strict-config"\noption_of_no_plugin_here = 900\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef root(request): return request.config.rootpath\n"
    )
    tests = "def test_it_knows_its_root(root): assert (root / 'pyproject.toml').is_file()"
    found = run_behaviour(tree(tmp_path, tests), model=Path("cnn"), prepared=Path("images"))
    assert found == (("test_it_knows_its_root",), (), None)


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("import pytest\ndef test_it(): pytest.skip('no')", "no test of tests/model fits this model"),
        ("", "could not run (pytest ended with 5)"),
        ("import nothing_of_that_name", "could not run (pytest ended with 2)"),
    ],
)
def test_tests_that_say_nothing_are_a_problem(tmp_path: Path, tests: str, expected: str) -> None:
    found = run_behaviour(tree(tmp_path, tests), model=Path("cnn"), prepared=Path("images"))
    assert expected in (found.problem or "")


def test_a_project_without_tests_says_what_to_do(tmp_path: Path) -> None:
    assert "tests/model: no such folder" in (run_behaviour(tmp_path, model=tmp_path, prepared=tmp_path).problem or "")
