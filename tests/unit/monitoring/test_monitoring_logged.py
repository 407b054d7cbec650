"""Answers of `encdec predict` are matched by name; a wrong file is told by its row and its key."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encdec.monitoring.logged import read_logged
from encdec.monitoring.rows import ImageRows, TextRows

IMAGES = ImageRows(["a/1.png", "b/2.png"], np.zeros((2, 1, 2, 2), np.uint8), None)
TEXTS = TextRows(["t.tsv:2", "t.tsv:3"], ["3 May", "5 May"], None)
CLASSES = [
    {"input": "b/2.png", "class": "b", "probability": 0.75},
    {"input": "a/1.png", "class": "a", "probability": 0.5},
]


def written(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_classes_are_put_into_the_order_of_the_batch(tmp_path: Path) -> None:
    found = read_logged(written(tmp_path, CLASSES), IMAGES)
    assert found.classified is not None
    assert found.classified.classes == ["a", "b"]
    assert found.classified.confidence.tolist() == [0.5, 0.75]
    assert found.errors is None


def test_a_csv_of_errors_and_lines_of_texts_are_read(tmp_path: Path) -> None:
    table = tmp_path / "errors.csv"
    table.write_text("input,reconstruction_error\na/1.png,0.25\nb/2.png,0.5\n")
    errors = read_logged(table, IMAGES).errors
    assert errors is not None
    assert errors.tolist() == [0.25, 0.5]
    lines = [
        {"input": name, "source": source, "target": source[0], "score": -1.5}
        for name, source in zip(TEXTS.names, TEXTS.sources, strict=True)
    ]
    answered = read_logged(written(tmp_path, lines), TEXTS).answered
    assert answered is not None
    assert (answered.targets, answered.scores.tolist()) == (["3", "5"], [-1.5, -1.5])
    lines[1]["source"] = "6 May"
    with pytest.raises(ValueError, match="row 2: key 'source': '6 May' is not the batch's '5 May'"):
        read_logged(written(tmp_path, lines), TEXTS)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (CLASSES[:1], "has 1 answers, and the batch 2 rows"),
        ([{**CLASSES[0], "input": "c.png"}, CLASSES[1]], "row 1: key 'input': 'c.png' is no row of the batch"),
        ([CLASSES[0], CLASSES[0]], "row 2: key 'input': 'b/2.png' stands already in row 1"),
        ([CLASSES[0], {**CLASSES[1], "probability": 1.5}], "row 2: key 'probability': 1.5 is no number that it can be"),
        ([CLASSES[0], {**CLASSES[1], "probability": "x"}], "row 2: key 'probability': 'x' is no number"),
        ([CLASSES[0], {"input": "a/1.png", "class": "a"}], "row 2: has no key 'probability'"),
        ([CLASSES[0], {"input": "a/1.png", "error": "cut off"}], "row 2: key 'error': has no answer"),
        ([{"input": "a", "what": 1}] * 2, "row 1: has no key 'class', expected the keys input, class, probability or"),
    ],
)
def test_a_wrong_file_is_told_by_row_and_key(tmp_path: Path, lines: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(ValueError, match=f"answers.jsonl: {told}"):
        read_logged(written(tmp_path, lines), IMAGES)


def test_what_is_no_file_of_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file of predictions"):
        read_logged(tmp_path / "none.jsonl", IMAGES)
    path = tmp_path / "answers.jsonl"
    path.write_text("[1]\n{}\n")
    with pytest.raises(ValueError, match="row 1: is a list, expected an object"):
        read_logged(path, IMAGES)
    path.write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(ValueError, match="neither JSON lines nor a CSV"):
        read_logged(path, IMAGES)
