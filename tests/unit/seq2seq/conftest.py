"""Small specs, cards, networks and batches of the reverse task."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from encdec.batches import PairBatch
from encdec.cards import BOS_ID, EOS_ID, PairCard
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Seq2SeqSpec

torch.set_num_threads(1)

TRAINING: dict[str, Any] = {
    "batch_size": 4,
    "precision": "float32",
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "schedule": "constant",
    "gradient_clip": 1.0,
    "max_epochs": 1,
    "max_steps": 10,
    "patience": 1,
}
NETWORK: dict[str, Any] = {
    "cell": "gru",
    "bidirectional": True,
    "attention": "additive",
    "embedding_dim": 5,
    "hidden_dim": 6,
    "num_layers": 1,
    "dropout_prob": 0.0,
}

MakeSpec = Callable[..., Seq2SeqSpec]
MakeNetwork = Callable[..., Seq2Seq]


@pytest.fixture
def card() -> PairCard:
    """Ids 4..11 are symbols on both sides; at most 5 target tokens, so that a search goes on for 10 steps."""
    return PairCard(
        kind="pairs",
        source="table",
        source_vocab_size=12,
        target_vocab_size=12,
        max_source_length=6,
        max_target_length=5,
        target_tokens="characters",
    )


@pytest.fixture
def make_spec() -> MakeSpec:
    """Keys of the network, and `label_smoothing`, `teacher_forcing_prob`, `beam_size`, `length_penalty`."""

    def make(**changes: Any) -> Seq2SeqSpec:
        network = {key: changes.get(key, value) for key, value in NETWORK.items()}
        decoding = {"beam_size": changes.get("beam_size", 1), "length_penalty": changes.get("length_penalty", 1.0)}
        return Seq2SeqSpec.model_validate(
            {
                "enabled": True,
                "network": network,
                "label_smoothing": changes.get("label_smoothing", 0.0),
                "teacher_forcing_prob": changes.get("teacher_forcing_prob", 1.0),
                "decoding": decoding,
                "training": TRAINING,
                "tuning": {"trials": 1, "max_epochs": 1, "max_steps": 1},
            }
        )

    return make


@pytest.fixture
def make_network(make_spec: MakeSpec, card: PairCard) -> MakeNetwork:
    """A seeded network with lively states and logits far from uniform, so that results of a search differ in length."""

    def make(*, seed: int = 0, card: PairCard = card, **changes: Any) -> Seq2Seq:
        torch.manual_seed(seed)
        network = Seq2Seq(make_spec(**changes), card)
        with torch.no_grad():
            network.to_logits.weight.mul_(4.0)
            for weight in network.decoder.parameters():
                weight.mul_(3.0)
        return network.eval()

    return make


@pytest.fixture
def make_batch() -> Callable[..., PairBatch]:
    """Sources of ids >= 4 and their reverse as targets, `extra` columns wider than they need to be."""

    def make(sources: list[list[int]], *, extra: int = 0) -> PairBatch:
        source_ids = torch.zeros(len(sources), max(map(len, sources)) + extra, dtype=torch.long)
        target_ids = torch.zeros(len(sources), max(map(len, sources)) + 2 + extra, dtype=torch.long)
        for row, source in enumerate(sources):
            source_ids[row, : len(source)] = torch.tensor(source)
            target_ids[row, : len(source) + 2] = torch.tensor([BOS_ID, *reversed(source), EOS_ID])
        return PairBatch(source_ids, source_ids != 0, target_ids, target_ids != 0)

    return make
