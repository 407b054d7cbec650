"""Outs appear whole or not at all."""

import csv
import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from encdec.outs import switch_off, table_text, whole_folder, write_json, write_text


def test_a_folder_appears_when_its_block_ends_and_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "new/out"
    with whole_folder(out) as folder:
        (folder / "a").write_text("1")
        assert not out.exists()
    with whole_folder(out) as folder:
        (folder / "b").write_text("2")
        assert [path.name for path in out.iterdir()] == ["a"]
    assert [path.name for path in out.iterdir()] == ["b"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_folder_whose_block_fails_leaves_nothing_and_keeps_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_text(out / "old", "whole")

    def fail() -> None:
        with whole_folder(out) as folder:
            (folder / "new").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["out", "out/old"]


def test_what_a_killed_process_left_is_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial/stale").write_text("of a killed process")
    with whole_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_a_file_is_written_whole_and_the_same_bytes_everywhere(tmp_path: Path) -> None:
    write_text(tmp_path / "new/file", "한\n")
    assert (tmp_path / "new/file").read_bytes() == "한\n".encode()
    write_json(tmp_path / "values.json", {"b": 1, "a": "é"})
    assert (tmp_path / "values.json").read_bytes() == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()


def test_a_number_that_json_does_not_have_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {"nll": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "metrics.json", {"nll": float("nan")})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"nll": 1.0}
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_what_is_switched_off_keeps_its_outs(tmp_path: Path) -> None:
    switch_off(tmp_path / "metrics.json", tmp_path / "rejected.csv", tmp_path / "vae")
    assert (tmp_path / "metrics.json").read_text() == "{}\n"
    assert (tmp_path / "rejected.csv").read_text() == ""
    assert json.loads((tmp_path / "vae/off.json").read_text()) == {"enabled": False}


def test_a_spreadsheet_finds_no_formula_in_a_table_and_the_data_stay_as_they_are() -> None:
    starts = ["=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
    formulas = [f"{start}HYPERLINK(1)" for start in starts]
    plain = ["", "a=b", " =1", "'=1", '"=1"', "1-2", "\u2212 1"]
    table = pd.DataFrame({"class": [*formulas, *plain, "a\rb"], "loss": -1.5, "count": -3, "correct": True})
    before = table.copy()
    rows = list(csv.DictReader(StringIO(table_text(table), newline="")))
    assert [row["class"] for row in rows] == [*(f"'{text}" for text in formulas), *plain, "a\nb"]
    assert {(row["loss"], row["count"], row["correct"]) for row in rows} == {("-1.5", "-3", "True")}
    pd.testing.assert_frame_equal(table, before)


def test_texts_among_numbers_and_nothing_are_found() -> None:
    table = pd.DataFrame({"value": [-1, None, "-1", "=1"]}, dtype="object")
    assert table_text(table) == "value\n-1\n\"\"\n'-1\n'=1\n"
    assert table_text(pd.DataFrame({"a": [], "b": []})) == "a,b\n"
