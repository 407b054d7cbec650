import subprocess
import sys
from pathlib import Path

import pytest

from encdec.cli.seeds import check, interval, table
from encdec.tracking.seeds.experiments import Result


def test_the_interval_is_students_over_seeds() -> None:
    """By hand: mean 3, standard deviation √7, t of 2 degrees of freedom 4.30265, so 3 ± 4.30265 · √(7 / 3)."""
    found = interval("mse", [1.0, 2.0, 6.0])
    assert (found.num_seeds, found.mean) == (3, 3.0)
    assert found.std == pytest.approx(7**0.5)
    assert (found.low, found.high) == pytest.approx(
        (3 - 4.30265 * (7 / 3) ** 0.5, 3 + 4.30265 * (7 / 3) ** 0.5), rel=1e-5
    )


def test_the_table_has_every_metric_of_the_model_and_of_its_baseline() -> None:
    results = [Result(seed, {"mse": float(seed)}, {"mse": 5.0}, "data/05_models/vae", "") for seed in (1, 2, 6)]
    lines = [line.split() for line in table("vae", results).splitlines()]
    assert ["vae,", "seeds", "1,", "2,", "6"] in lines
    assert ["mse", "3", "±", "2.6", "[-3.572,", "9.572]", "3"] in lines
    assert ["baseline", "mse", "5", "±", "0", "[5,", "5]", "3"] in lines


@pytest.mark.parametrize(
    ("seeds", "jobs", "said"),
    [
        ([1], 1, "give 2 at least"),
        ([1, 2, 1], 1, "--seeds: 1 more than once"),
        ([1, -2], 1, "--seeds: -2: a seed is 0 or more"),
        ([1, 2], 0, "--jobs: 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(seeds: list[int], jobs: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(seeds, jobs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: --seeds"),
        (["--seeds", "1", "x"], "invalid int value: 'x'"),
        (["--seeds", "1", "2", "--models", "gan"], "invalid choice: 'gan'"),
        (["--seeds", "1"], "ValueError: --seeds: 1 is no comparison"),
        (["--seeds", "1", "2"], "FileNotFoundError: no dvc.yaml in"),
    ],
)
def test_mistakes_are_said_in_a_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from encdec.cli.main import main; main()", "seeds", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
