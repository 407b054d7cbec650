"""What is written is the same in every process; what stops the pipeline fits on one screen and says what to do."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from encdec.params.data import ImageChecks, MaxCharacters, PairChecks
from encdec.validation.validate import ValidationError, validate_images, validate_pairs

WRITE = """
import json, sys
from pathlib import Path
import pandas as pd
from encdec.params.data import ImageChecks
from encdec.validation.validate import validate_images
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir()
checks = ImageChecks.model_validate_json((folder / "checks.json").read_text())
source = json.loads((folder / "source.json").read_text())
validate_images(pd.read_parquet(folder / "manifest.parquet"), checks, source).write(out)
print("torch" in sys.modules)
"""


@pytest.fixture
def bad_images(images: pd.DataFrame) -> pd.DataFrame:
    images.loc[39, "content_hash"] = images.loc[0, "content_hash"]
    images.loc[5:25, "channels"] = 2
    return images


def test_two_processes_write_the_same_bytes_and_load_no_torch(
    bad_images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any], tmp_path: Path
) -> None:
    bad_images.to_parquet(tmp_path / "manifest.parquet", index=False)
    (tmp_path / "checks.json").write_text(image_checks.model_dump_json(by_alias=True))
    (tmp_path / "source.json").write_text(json.dumps(image_source))
    command = [sys.executable, "-c", WRITE, str(tmp_path), str(tmp_path / "other")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
    assert done.stderr == ""  # no progress bar, no warning
    (tmp_path / "this").mkdir()
    validate_images(bad_images, image_checks, image_source).write(tmp_path / "this")
    for file in ("validation.json", "data_docs.html"):
        this, other = ((tmp_path / out / file).read_bytes() for out in ("this", "other"))
        assert this == other
        assert len(this) > 5_000
    assert b"logo-long.png?" not in this
    assert b"__none__" not in this


def test_the_written_result_has_every_check_with_its_severity_tolerance_and_first_rows(
    bad_images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any], tmp_path: Path
) -> None:
    validate_images(bad_images, image_checks, image_source).write(tmp_path)
    written = json.loads((tmp_path / "validation.json").read_text())
    assert (written["kind"], written["source"], written["rows"], written["success"]) == ("images", "digits", 40, False)
    assert (written["errors"], written["warnings"]) == (2, 0)
    checks = {entry["check"]: entry for entry in written["checks"]}
    assert set(checks) == set(image_checks.model_dump(by_alias=True))
    channels = checks["channels"]
    assert (channels["severity"], channels["tolerance"], channels["success"]) == ("error", 0.0, False)
    assert (channels["failed_count"], channels["total"], channels["observed"]) == (21, 40, 0.525)
    assert [row["sample"] for row in channels["rows"]] == [f"{row:05d}" for row in range(5, 15)]
    assert checks["schema"]["success"] is True
    assert checks["schema"]["tolerance"] is None
    own = written["great_expectations"]
    assert own["meta"] == {"great_expectations_version": own["meta"]["great_expectations_version"]}
    assert own["statistics"]["unsuccessful_expectations"] == 2
    by_type = {result["expectation_config"]["type"] for result in own["results"] if not result["success"]}
    assert by_type == {"expect_column_values_to_be_in_set", "expect_column_values_to_be_between"}


def test_a_check_says_what_its_worst_expectation_says(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    images.loc[5, "height"] = 7
    images.loc[[5, 6], "width"] = 9
    (sizes,) = [
        entry
        for entry in validate_images(images, image_checks, image_source).as_json()["checks"]
        if entry["check"] == "image_size"
    ]
    assert (sizes["success"], sizes["failed_count"], sizes["rows"][0]["width"]) == (False, 2, 9)
    assert [entry["failed_count"] for entry in sizes["expectations"]] == [1, 2]


@pytest.mark.parametrize("declared", [False, True])
def test_a_label_is_never_a_script_on_the_page(
    declared: bool, images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    label = "<script>alert(1)</script>"
    images.loc[3, "label"] = label
    if declared:
        image_source["classes"].append(label)
    images = images.assign(**{"<script>alert(2)": 1})
    page = validate_images(images, image_checks, image_source).page
    assert "alert(1)" in page
    assert "alert(2)" in page
    assert "<script>alert" not in page


def test_a_mark_that_turns_the_direction_of_reading_is_told_and_turns_nothing(
    pairs: pd.DataFrame, pair_checks: PairChecks, pair_source: dict[str, Any], max_characters: MaxCharacters
) -> None:
    pairs.loc[39, "target"] = "a\u202egnp.exe\0"
    report = validate_pairs(pairs, pair_checks, pair_source, max_characters=max_characters)
    rows = {finding.check: finding.rows for finding in report.errors}
    assert rows["control_characters"] == ({"sample": "00039", "split": "test", "target_controls": "U+0000 U+202E"},)
    assert rows["unseen_characters"][0]["target"] == "a\\u202egnp.exe\\u0000"
    for told in (report.page, str(ValidationError(report))):
        assert "202e" in told
        assert "\u202e" not in told
        assert "\0" not in told


def test_every_observed_value_is_printed_on_the_page(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        page = validate_images(images, image_checks, image_source).page
    assert caplog.records == []  # it logs a traceback for a value that it cannot print
    assert "mean must be" in page
    assert ">0.7<" in "".join(page.split())


def test_the_error_names_each_check_its_counts_and_its_first_rows_and_says_what_to_do(
    bad_images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    message = str(ValidationError(validate_images(bad_images, image_checks, image_source)))
    lines = message.splitlines()
    assert lines[0] == "data/01_raw/images/manifest.parquet (40 rows of digits) fails 2 expectations:"
    assert lines[1] == (
        "  channels: expected 1 channels; 21 of 40 rows fail, at most 0% may [expect_column_values_to_be_in_set]"
    )
    assert lines[2] == "    sample '00005', split 'train', channels 2"
    assert lines[11] == "    sample '00014', split 'train', channels 2   ... and 11 more"
    assert lines[12].startswith("  leakage: expected no content_hash in two splits; 2 of 40 rows fail")
    assert lines[13] == "    sample '00000', split 'train', same_as '00039 (test)'"
    assert lines[15].startswith("What to do: correct the data and run `dvc repro` again, or")
    assert lines[15].endswith("channels, leakage in params.yaml: images.sources.digits.validation.")


def test_the_error_fits_on_a_screen_when_everything_fails(
    images: pd.DataFrame, image_checks: ImageChecks, image_source: dict[str, Any]
) -> None:
    everything = images.assign(
        label="q", height=1, width=99, channels=5, pixel_min=50.0, pixel_max=40.0, content_hash="same"
    )
    report = validate_images(everything, image_checks, image_source)
    assert len(report.errors) >= 10
    lines = str(ValidationError(report)).splitlines()
    assert len(lines) <= 30
    assert max(len(line) for line in lines[1:-1]) <= 230


def test_long_texts_are_cut_where_they_are_shown(
    pairs: pd.DataFrame, pair_checks: PairChecks, pair_source: dict[str, Any], max_characters: MaxCharacters
) -> None:
    pairs.loc[3, "source"] = "0" * 5000
    pairs.loc[3, "source_characters"] = 5000
    report = validate_pairs(pairs, pair_checks, pair_source, max_characters=max_characters)
    (finding,) = [one for one in report.errors if one.check == "long_texts"]
    assert finding.rows[0]["source"] == "0" * 77 + "..."


def test_importing_the_room_loads_neither_great_expectations_nor_torch() -> None:
    code = (
        "import sys, encdec.validation.validate; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'torch', 'great_expectations', 'mlflow'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
