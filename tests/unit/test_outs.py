"""Outs appear whole or not at all."""

import json
from pathlib import Path

import pytest

from encdec.outs import switch_off, whole_folder, write_json, write_text


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
