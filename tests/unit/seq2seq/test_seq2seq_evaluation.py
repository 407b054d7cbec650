"""Scores of a network that gives answers which the test chose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from encdec.cards import CARD_FILE, EOS_ID, PairCard
from encdec.datasets.pairs import PairSplit
from encdec.metrics.scores import Scores
from encdec.models.seq2seq.evaluation import by_length, references_by_source, score
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding
from encdec.nn.search import Decoded
from encdec.params.data import Evaluation
from encdec.preparation.vocabulary import Vocabulary

PAIRS = [  # source, target, slice; "live" has two pronunciations, one of them twice
    ("live", "l i v", "en"),
    ("no", "n o", "en"),
    ("live", "l ai v", "en"),
    ("chat", "sh a", "fr"),
    ("live", "l i v", "en"),
]
ANSWERS = {"live": "l ai v", "no": "n o o o", "chat": "a"}
SETTINGS = Evaluation(
    batch_size=2, bootstrap_resamples=1, confidence=0.95, top_k=1, calibration_bins=1, importance_samples=1
)


class Parrot(Seq2Seq):
    """Decodes what it is told to, with a score of minus the length of the source."""

    answers: dict[tuple[int, ...], list[int]]

    def decode(self, source_ids: Tensor, source_mask: Tensor, decoding: Decoding) -> Decoded:
        assert not self.training
        rows = [tuple(ids[mask].tolist()) for ids, mask in zip(source_ids, source_mask, strict=True)]
        found = torch.zeros(len(rows), 6, dtype=torch.long)
        for index, row in enumerate(rows):
            answer = [*self.answers[row], EOS_ID]
            found[index, : len(answer)] = torch.tensor(answer)
        return Decoded(found, -source_mask.sum(dim=1).float(), None)


def write_split(folder: Path, vocabularies: dict[str, Vocabulary], *, tokens: str) -> PairSplit:
    rows = pd.DataFrame(PAIRS, columns=["source", "target", "slice"])
    rows.insert(0, "sample", [f"row-{index}" for index in range(len(rows))])
    for side, vocabulary in vocabularies.items():
        ids = vocabulary.encode_all(rows[side])
        np.save(folder / f"{side}_ids.npy", ids.ids)
        np.save(folder / f"{side}_offsets.npy", ids.offsets)
    rows.assign(group=rows["source"]).to_parquet(folder / "rows.parquet")
    card = PairCard(
        kind="pairs",
        source="table",
        source_vocab_size=vocabularies["source"].size,
        target_vocab_size=vocabularies["target"].size,
        max_source_length=4,
        max_target_length=6,
        target_tokens=tokens,
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())
    return PairSplit.open(folder)


@pytest.fixture
def scored(tmp_path: Path, make_spec: Callable) -> tuple[Scores, Parrot, PairSplit]:
    vocabularies = {
        "source": Vocabulary.learn([pair[0] for pair in PAIRS], tokens="characters", max_size=50),
        "target": Vocabulary.learn([pair[1] for pair in PAIRS], tokens="words", max_size=50),
    }
    split = write_split(tmp_path, vocabularies, tokens="words")
    torch.manual_seed(0)
    network = Parrot(make_spec(), split.card)
    network.answers = {
        tuple(vocabularies["source"].encode(source)): vocabularies["target"].encode(answer)
        for source, answer in ANSWERS.items()
    }
    result = score(network, make_spec(), split, SETTINGS, vocabulary=vocabularies["target"], seed=0)
    return result, network, split


def test_there_is_a_row_per_distinct_source_and_all_its_targets_are_references() -> None:
    references = references_by_source(pd.DataFrame(PAIRS, columns=["source", "target", "slice"]))
    assert references.first_rows.tolist() == [0, 1, 3]
    assert references.targets == [["l i v", "l ai v"], ["n o"], ["sh a"]]


def test_columns_and_metrics_are_those_worked_by_hand(scored: tuple[Scores, Parrot, PairSplit]) -> None:
    scores, _, _ = scored
    # live: the second pronunciation, exact; no: two words too many; chat: one of two words missing
    assert scores.columns["exact_match"].tolist() == [True, False, False]
    assert scores.columns["edits"].tolist() == [0, 2, 1]
    assert scores.columns["reference_length"].tolist() == [3, 2, 2]
    assert scores.columns["slice"].tolist() == ["en", "en", "fr"]
    assert scores.columns["nll_tokens"].tolist() == [4, 3, 3]
    metrics = {metric.name: metric.compute(scores.columns) for metric in scores.metrics}
    assert list(metrics) == ["exact_match", "token_error_rate", "nll", "bleu"]
    assert metrics["exact_match"] == pytest.approx(1 / 3)
    assert metrics["token_error_rate"] == pytest.approx(3 / 7)
    assert [metric.higher_is_better for metric in scores.metrics] == [True, False, False, True]


def test_nll_is_per_token_of_the_first_reference_and_per_token_of_all_as_a_metric(
    scored: tuple[Scores, Parrot, PairSplit],
) -> None:
    scores, network, split = scored
    sums = []
    for row in (0, 1, 3):
        batch = split.batch(np.array([row]))
        log_probs = network(batch.source_ids, batch.source_mask, batch.target_ids)[0].log_softmax(dim=-1)
        sums.append(-sum(log_probs[step, token].item() for step, token in enumerate(batch.target_ids[0, 1:])))
    np.testing.assert_allclose(scores.columns["nll"], [sums[0] / 4, sums[1] / 3, sums[2] / 3], rtol=1e-5)
    nll = next(metric for metric in scores.metrics if metric.name == "nll")
    assert nll.compute(scores.columns) == pytest.approx(sum(sums) / 10, rel=1e-5)


def test_tables_show_each_prediction_beside_its_closest_reference(scored: tuple[Scores, Parrot, PairSplit]) -> None:
    table = scored[0].tables["predictions"]
    assert table.to_dict("list") == {
        "sample": ["row-0", "row-1", "row-3"],
        "source": ["live", "no", "chat"],
        "reference": ["l ai v", "n o", "sh a"],
        "prediction": ["l ai v", "n o o o", "a"],
        "score": [-4.0, -2.0, -4.0],  # each with its own source, though sources of like length are decoded together
        "edits": [0, 2, 1],
        "slice": ["en", "en", "fr"],
    }


def test_tables_by_slice_and_by_length_count_what_they_should(scored: tuple[Scores, Parrot, PairSplit]) -> None:
    by_slice = scored[0].tables["by_slice"].to_dict("list")
    assert by_slice == {"slice": ["en", "fr"], "n": [2, 1], "exact_match": [0.5, 0.0], "token_error_rate": [0.4, 0.5]}
    by_length = scored[0].tables["by_length"].to_dict("list")
    assert by_length == {
        "min_length": [2, 4],
        "max_length": [2, 4],
        "n": [1, 2],
        "exact_match": [0.0, 0.5],
        "token_error_rate": [1.0, 0.2],
    }


def test_length_bins_hold_about_as_many_samples_each_and_do_not_overlap() -> None:
    columns = {name: np.ones(100, dtype=np.int64) for name in ("exact_match", "edits", "reference_length")}
    table = by_length(columns, lengths=np.arange(100))
    assert table["n"].tolist() == [20] * 5
    assert (table["min_length"].to_numpy()[1:] == table["max_length"].to_numpy()[:-1] + 1).all()
    one = by_length(columns, lengths=np.full(100, 7))
    assert one[["min_length", "max_length", "n"]].to_numpy().tolist() == [[7, 7, 100]]


def test_characters_have_no_bleu(tmp_path: Path, make_spec: Callable) -> None:
    vocabularies = {
        side: Vocabulary.learn([pair[index] for pair in PAIRS], tokens="characters", max_size=50)
        for index, side in enumerate(("source", "target"))
    }
    split = write_split(tmp_path, vocabularies, tokens="characters")
    torch.manual_seed(0)
    network = Seq2Seq(make_spec(), split.card)
    outcomes = [
        score(network, make_spec(beam_size=2), split, SETTINGS, vocabulary=vocabularies["target"], seed=seed)
        for seed in (0, 1)
    ]
    assert [metric.name for metric in outcomes[0].metrics] == ["exact_match", "token_error_rate", "nll"]
    assert outcomes[0].tables["predictions"].equals(outcomes[1].tables["predictions"])  # nothing is drawn
