"""Prepared pairs: ids and offsets by hand, the card, the rows that are rejected, and the same bytes twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from encdec.cards import PairCard
from encdec.params.data import MaxCharacters, Split, Table, Tokenization
from encdec.preparation.pairs import prepare_pairs
from encdec.preparation.vocabulary import Vocabulary

FILES = ["card.json", "rows.parquet", "source_ids.npy", "source_offsets.npy", "target_ids.npy", "target_offsets.npy"]


def section(**changes: object) -> Table:
    values = {
        "file": "pairs.tsv",
        "source_column": "source",
        "target_column": "target",
        "slice_column": None,
        "split": Split(train=0.8, val=0.1, test=0.1),
        "tokens": Tokenization(source="characters", target="words", max_vocab_size=50),
        "max_characters": MaxCharacters(source=5, target=7),
        "validation": None,
    }
    return Table.model_construct(**(values | changes))


def manifest(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """`rows`: split, source and target."""
    frame = pd.DataFrame(rows, columns=["split", "source", "target"])
    samples = [f"{number:02d}" for number in range(len(rows))]
    return frame.assign(sample=samples, group=frame["source"], slice="").astype("str")


@pytest.fixture
def pairs() -> pd.DataFrame:
    return manifest(
        [
            ("train", "bab", "B AH B"),
            ("train", "ca", "K AH"),
            ("val", "abz", "AH ZH"),
            ("train", "b", "B"),
            ("test", "cab", "K AH B"),
        ]
    )


@pytest.fixture
def outs(tmp_path: Path) -> dict[str, Path]:
    folders = {split: tmp_path / split for split in ("train", "val", "test")}
    for folder in folders.values():
        folder.mkdir()
    return folders


def stored(folder: Path, side: str) -> tuple[list[int], list[int]]:
    ids, offsets = np.load(folder / f"{side}_ids.npy"), np.load(folder / f"{side}_offsets.npy")
    assert (ids.dtype, offsets.dtype) == (np.int32, np.int64)
    return ids.tolist(), offsets.tolist()


def test_ids_and_offsets_worked_by_hand(pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    rejected = prepare_pairs(pairs, section(), "table", outs)
    assert rejected.empty
    assert list(rejected.columns) == ["sample", "split", "reason", "detail"]
    # characters of train: b 3, a 2, c 1 -> 4, 5, 6; words: B 3, AH 2, K 1 -> 4, 5, 6; z and ZH are unknown, 3
    assert stored(outs["train"], "source") == ([4, 5, 4, 6, 5, 4], [0, 3, 5, 6])
    assert stored(outs["train"], "target") == ([4, 5, 4, 6, 5, 4], [0, 3, 5, 6])
    assert stored(outs["val"], "source") == ([5, 4, 3], [0, 3])
    assert stored(outs["val"], "target") == ([5, 3], [0, 2])
    assert stored(outs["test"], "source") == ([6, 5, 4], [0, 3])
    rows = pd.read_parquet(outs["train"] / "rows.parquet")
    assert list(rows.columns) == ["sample", "group", "slice", "source", "target"]
    assert rows["sample"].tolist() == ["00", "01", "03"]
    assert rows["target"].tolist() == ["B AH B", "K AH", "B"]


def test_the_card_has_the_sizes_of_train_with_eos(pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    pairs.loc[4, "target"] = "K K K K"  # four words in test, three at most in train
    prepare_pairs(pairs, section(), "table", outs)
    for folder in outs.values():
        card = PairCard.model_validate_json((folder / "card.json").read_text())
        assert card == PairCard(
            kind="pairs",
            source="table",
            source_vocab_size=7,
            target_vocab_size=7,
            max_source_length=3,
            max_target_length=4,
            target_tokens="words",
        )


def test_val_and_test_have_no_say_in_the_vocabulary(pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    prepare_pairs(pairs, section(), "table", outs)
    assert Vocabulary.load(outs["train"] / "vocabulary" / "source.json").learned == ("b", "a", "c")
    assert Vocabulary.load(outs["train"] / "vocabulary" / "target.json").learned == ("B", "AH", "K")
    assert sorted(path.name for path in outs["val"].iterdir()) == FILES
    before = {path: path.read_bytes() for path in outs["train"].rglob("*") if path.is_file()}
    pairs.loc[[2, 4], "source"] = "zzzzz"
    pairs.loc[[2, 4], "target"] = "ZH ZH"
    prepare_pairs(pairs, section(), "table", outs)
    assert {path: path.read_bytes() for path in before} == before


def test_blank_and_long_texts_are_listed_with_their_reason(pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    more = manifest(
        [
            ("train", "bbbbbb", "AH"),  # 6 of 5
            ("val", "b", "AH AH AH"),  # 8 of 7
            ("test", " \u3000", "B"),
            ("train", "", "AH AH AH"),
            ("train", "bbbbe\u0301", "AH AH B"),  # 5 and 7 when composed
        ]
    )
    everything = pd.concat([pairs, more.assign(sample=["05", "06", "07", "08", "09"])])
    rejected = prepare_pairs(everything, section(), "table", outs)
    assert rejected.to_numpy().tolist() == [
        ["05", "train", "long source", "source has 6 characters, more than 5"],
        ["06", "val", "long target", "target has 8 characters, more than 7"],
        ["07", "test", "blank source", "source is blank"],
        [
            "08",
            "train",
            "blank source; long target",
            "source is blank; target has 8 characters, more than 7",
        ],
    ]
    rows = pd.read_parquet(outs["train"] / "rows.parquet")
    assert rows["sample"].tolist() == ["00", "01", "03", "09"]
    assert rows["source"].tolist()[-1] == "bbbb\u00e9"


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_without_a_row_is_told(split: str, pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    pairs.loc[pairs["split"] == split, "target"] = ""
    count = 3 if split == "train" else 1
    told = (
        rf"{split} has no row to prepare \({count} in the manifest, {count} rejected: {count} blank target\); give it"
    )
    with pytest.raises(ValueError, match=told):
        prepare_pairs(pairs, section(), "table", outs)


def test_targets_that_never_fit_leave_a_sentence_with_the_reason(pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    pairs["target"] = pairs["target"] + " AH AH AH"
    told = (
        r"train has no row .* \(3 in the manifest, 3 rejected: 3 long target\); .* or raise its limit in params\.yaml$"
    )
    with pytest.raises(ValueError, match=told):
        prepare_pairs(pairs, section(), "table", outs)
    assert all(not list(folder.rglob("*")) for folder in outs.values()), "nothing half-written"


def test_a_split_into_which_no_row_fell_is_told(pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    without = pairs[pairs["split"] != "val"]
    told = r"val has no row to prepare \(0 in the manifest, 0 rejected\); give it more data, or a greater share$"
    with pytest.raises(ValueError, match=told):
        prepare_pairs(without, section(), "table", outs)


@pytest.mark.parametrize("tokens", ["characters", "words", "bpe"])
def test_twice_gives_the_same_bytes(tokens: str, pairs: pd.DataFrame, outs: dict[str, Path]) -> None:
    chosen = section(tokens=Tokenization(source=tokens, target=tokens, max_vocab_size=50))
    written = []
    for _ in range(2):
        prepare_pairs(pairs, chosen, "table", outs)
        written.append({path: path.read_bytes() for out in outs.values() for path in out.rglob("*") if path.is_file()})
    assert written[0] == written[1]
    assert len(written[0]) == 3 * len(FILES) + 2


def test_an_unknown_kind_of_token_is_refused_by_the_parameters() -> None:
    with pytest.raises(ValidationError, match="characters"):
        Tokenization(source="letters", target="words", max_vocab_size=50)
