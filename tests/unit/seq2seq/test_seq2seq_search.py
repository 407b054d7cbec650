"""Search against exhaustive enumeration, against a plain beam search, and against the decoder's own probabilities."""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from encdec.batches import PairBatch
from encdec.cards import BOS_ID, EOS_ID, UNK_ID, PairCard
from encdec.losses.sequence import sequence_nll
from encdec.models.seq2seq.network import Encoded, Seq2Seq
from encdec.models.seq2seq.spec import Decoding
from encdec.nn.search import Decoded, Step, beam_search, greedy_search

MakeBatch = Callable[..., PairBatch]
MakeNetwork = Callable[..., Seq2Seq]
SOURCES = [[4, 5, 6], [7], [8, 9], [10, 11, 4, 5]]


class Hypothesis(NamedTuple):
    ids: list[int]
    score: float


class Counting(NamedTuple):
    """What a decoder reads that writes one token after the other, whatever the source: where it stands."""

    state: Tensor  # (1, B, 1)

    def take(self, rows: Tensor) -> "Counting":
        return Counting(self.state[:, rows])


def log_probs_after(network: Seq2Seq, source: Tensor, prefix: list[int]) -> Tensor:
    """log p(next token | source, prefix), from the teacher-forced path: (V,)."""
    target_ids = torch.tensor([[BOS_ID, *prefix, EOS_ID]])
    return network(source[None], torch.ones_like(source[None], dtype=torch.bool), target_ids)[0, -1].log_softmax(dim=-1)


def plain_beam_search(
    network: Seq2Seq, source: Tensor, *, beam_size: int, length_penalty: float, max_length: int
) -> Hypothesis:
    """One source, lists, no early stop: what the batched search must find."""
    beam, results = [Hypothesis([], 0.0)], []
    for _ in range(max_length):
        candidates = []
        for hypothesis in beam:
            if EOS_ID in hypothesis.ids:
                candidates.append(hypothesis)
                continue
            scores = log_probs_after(network, source, hypothesis.ids).tolist()
            candidates += [
                Hypothesis([*hypothesis.ids, token], hypothesis.score + scores[token])
                for token in range(EOS_ID, len(scores))
            ]
        beam = sorted(candidates, key=lambda candidate: -candidate.score)[:beam_size]
        results += [hypothesis for hypothesis in beam if EOS_ID in hypothesis.ids]
    return max(results or beam[:1], key=lambda result: result.score / len(result.ids) ** length_penalty)


def tokens_of(decoded: Decoded, row: int) -> list[int]:
    return [token for token in decoded.ids[row].tolist() if token != 0]


@pytest.mark.parametrize("attention", ["none", "additive", "dot"])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_is_greedy(attention: str, seed: int, make_network: MakeNetwork, make_batch: MakeBatch) -> None:
    network = make_network(seed=seed, attention=attention)
    batch = make_batch(SOURCES)
    with torch.no_grad():
        encoded = network.encode(batch.source_ids, batch.source_mask)
        greedy = greedy_search(network.step, encoded, max_length=9)
        beam = beam_search(network.step, encoded, beam_size=1, length_penalty=1.0, max_length=9)
    assert torch.equal(greedy.ids, beam.ids)
    torch.testing.assert_close(greedy.scores, beam.scores)
    torch.testing.assert_close(greedy.attention, beam.attention)


@pytest.fixture
def tiny_card() -> PairCard:
    """UNK and two symbols, searches of at most 4 steps: 3**0 + 3**1 + 3**2 + 3**3 = 40 targets that end."""
    return PairCard(
        kind="pairs",
        source="table",
        source_vocab_size=12,
        target_vocab_size=6,
        max_source_length=4,
        max_target_length=2,
        target_tokens="characters",
    )


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_wider_than_all_targets_finds_the_best_of_all(
    length_penalty: float, seed: int, make_network: MakeNetwork, make_batch: MakeBatch, tiny_card: PairCard
) -> None:
    network = make_network(seed=seed, card=tiny_card)
    batch = make_batch(SOURCES)
    with torch.no_grad():
        encoded = network.encode(batch.source_ids, batch.source_mask)
        # 128 places: 40 targets that end and the 81 of four symbols that do not
        found = beam_search(
            network.step,
            encoded,
            beam_size=128,
            length_penalty=length_penalty,
            max_length=4,
        )
    for row, source in enumerate(SOURCES):
        candidates = []
        for length in range(4):
            for symbols in product([UNK_ID, 4, 5], repeat=length):
                ids = [*symbols, EOS_ID]
                score = sum(
                    log_probs_after(network, torch.tensor(source), ids[:step])[token].item()
                    for step, token in enumerate(ids)
                )
                candidates.append(Hypothesis(ids, score))
        assert len(candidates) == 40
        best = max(candidates, key=lambda candidate: candidate.score / len(candidate.ids) ** length_penalty)
        assert tokens_of(found, row) == best.ids
        assert found.scores[row].item() == pytest.approx(best.score, abs=1e-5)


@pytest.mark.parametrize(("beam_size", "length_penalty"), [(2, 1.0), (3, 0.0), (4, 0.6), (5, 2.0)])
def test_the_batched_search_finds_what_a_plain_one_without_early_stop_finds(
    beam_size: int, length_penalty: float, make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    lengths, results_beyond_greedy = set(), 0
    for seed in range(8):
        network = make_network(seed=seed)
        batch = make_batch(SOURCES)
        decoding = Decoding(beam_size=beam_size, length_penalty=length_penalty)
        found = network.decode(batch.source_ids, batch.source_mask, decoding)
        greedy = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=1, length_penalty=1.0))
        for row, source in enumerate(SOURCES):
            expected = plain_beam_search(
                network, torch.tensor(source), beam_size=beam_size, length_penalty=length_penalty, max_length=10
            )
            assert tokens_of(found, row) == expected.ids
            assert found.scores[row].item() == pytest.approx(expected.score, abs=1e-4)
            lengths.add(len(expected.ids))
            results_beyond_greedy += tokens_of(greedy, row) != expected.ids
    assert len(lengths) >= 3  # the comparison had short and long results,
    assert results_beyond_greedy >= 3  # and some that only a beam finds


def test_improbable_results_do_not_stop_the_search_before_the_probable_one_ends_which_does() -> None:
    """A decoder sure of "4 4 4 EOS". "EOS", "4 EOS" and "4 4 EOS" end before, each with a log-probability of -9.

    A beam of 2 or 3 is full of results by then. When the fourth step has ended the right one, with a log-probability
    near 0, nothing that lives (at most -9, over 8 tokens) can overtake it: the other four steps are not taken.
    """
    calls = []

    def step(token_ids: Tensor, state: Tensor, encoded: Counting) -> Step:
        calls.append(1)
        position = state[0, :, 0].view_as(token_ids)  # (B, K)
        logits = torch.full((*token_ids.shape, 6), -30.0)
        logits[:, :, EOS_ID] = 0.0
        logits.scatter_(2, torch.where(position < 3, 4, EOS_ID)[:, :, None], 9.0)
        return Step(logits, state + 1.0, None)

    for length_penalty, beam_size in product((0.0, 1.0), (1, 2, 3, 5)):
        calls.clear()
        found = beam_search(
            step, Counting(torch.zeros(1, 1, 1)), beam_size=beam_size, length_penalty=length_penalty, max_length=8
        )
        assert found.ids.tolist() == [[4, 4, 4, EOS_ID]]
        assert len(calls) == 4


@pytest.mark.parametrize("beam_size", [1, 4])
def test_finished_sources_leave_the_batch_and_change_nothing_for_the_others(
    beam_size: int, make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    sources = [[first, *rest] for first in range(4, 12) for rest in ([], [4], [11, 5])]
    batch = make_batch(sources)
    decoding = Decoding(beam_size=beam_size, length_penalty=1.0)
    left_early = 0
    for seed in range(6):
        network = make_network(seed=seed, attention="dot")
        with torch.no_grad():
            network.to_logits.bias[EOS_ID] += 1.0  # results of all lengths
        found, searched = decode_and_count(network, batch, decoding)
        assert searched[0] == len(sources)
        assert searched == sorted(searched, reverse=True)
        left_early += searched[-1] < len(sources)
        for row in range(len(sources)):
            source_ids, mask = batch.source_ids[row : row + 1], batch.source_mask[row : row + 1]
            alone = network.decode(source_ids, mask, decoding)
            length = alone.ids.shape[1]
            assert found.attention is not None
            assert alone.attention is not None
            assert tokens_of(found, row) == tokens_of(alone, 0)
            torch.testing.assert_close(found.scores[row], alone.scores[0])
            torch.testing.assert_close(found.attention[row, :length], alone.attention[0])
            assert not found.attention[row, length:].any()
    assert left_early >= 3


def decode_and_count(network: Seq2Seq, batch: PairBatch, decoding: Decoding) -> tuple[Decoded, list[int]]:
    """The result, and how many sources each step of the search was asked for."""
    searched = []

    def step(token_ids: Tensor, state: Tensor, encoded: Encoded) -> Step:
        searched.append(len(token_ids))
        return network.step(token_ids, state, encoded)

    with torch.no_grad():
        encoded = network.encode(batch.source_ids, batch.source_mask)
        if decoding.beam_size == 1:
            return greedy_search(step, encoded, max_length=10), searched
        found = beam_search(
            step, encoded, beam_size=decoding.beam_size, length_penalty=decoding.length_penalty, max_length=10
        )
    return found, searched


@pytest.mark.parametrize("beam_size", [1, 2])
def test_a_batch_costs_what_its_sources_need(beam_size: int) -> None:
    """Source b ends after b + 1 tokens for certain. Of 8, 6 or fewer stay after step 2: then 6, 5 (over 0.75 of 6),
    so it leaves with the next, and so on."""
    searched = []

    def step(token_ids: Tensor, state: Tensor, encoded: Counting) -> Step:
        searched.append(len(token_ids))
        left = state[0, :, 0].view_as(token_ids)  # tokens before the end, of each hypothesis
        logits = torch.full((*token_ids.shape, 6), -30.0)
        logits.scatter_(2, torch.where(left > 0, 4, EOS_ID)[:, :, None], 30.0)
        return Step(logits, state - 1.0, None)

    encoded = Counting(torch.arange(8.0).view(1, 8, 1))
    if beam_size == 1:
        found = greedy_search(step, encoded, max_length=20)
    else:
        found = beam_search(step, encoded, beam_size=beam_size, length_penalty=0.0, max_length=20)
    assert searched == [8, 8, 6, 6, 4, 3, 2, 1]
    assert [tokens_of(found, row) for row in range(8)] == [[4] * row + [EOS_ID] for row in range(8)]


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_scores_are_the_log_probabilities_of_the_tokens(
    beam_size: int, cell: str, make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(seed=3, cell=cell, num_layers=2)
    batch = make_batch(SOURCES)
    found = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=beam_size, length_penalty=1.0))
    target_ids = torch.cat((torch.full((len(SOURCES), 1), BOS_ID), found.ids), dim=1)
    logits = network(batch.source_ids, batch.source_mask, target_ids)
    torch.testing.assert_close(found.scores, -sequence_nll(logits, found.ids, found.ids != 0))


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_attention_of_a_result_is_what_the_decoder_attends_to_while_it_reads_that_result(
    beam_size: int, attention: str, make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(seed=5, attention=attention)
    batch = make_batch(SOURCES, extra=1)
    found = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=beam_size, length_penalty=1.0))
    assert found.attention is not None
    target_ids = torch.cat((torch.full((len(SOURCES), 1), BOS_ID), found.ids[:, :-1]), dim=1)
    encoded = network.encode(batch.source_ids, batch.source_mask)
    hidden, _ = network.decoder(network.target_embedding(target_ids), encoded.state)
    _, weights = network.attention(hidden, encoded.keys, encoded.memory, encoded.mask)
    real = (found.ids != 0)[:, :, None]
    torch.testing.assert_close(found.attention, weights * real)
    torch.testing.assert_close(found.attention.sum(dim=-1), real[:, :, 0].float())
    assert not found.attention.masked_select(~batch.source_mask[:, None]).any()


def test_without_attention_there_is_none_to_return(make_network: MakeNetwork, make_batch: MakeBatch) -> None:
    batch = make_batch(SOURCES)
    for beam_size in (1, 2):
        decoding = Decoding(beam_size=beam_size, length_penalty=1.0)
        assert make_network(attention="none").decode(batch.source_ids, batch.source_mask, decoding).attention is None


@pytest.mark.parametrize("beam_size", [1, 4])
def test_padding_and_bos_are_never_chosen(beam_size: int, make_network: MakeNetwork, make_batch: MakeBatch) -> None:
    network = make_network()
    with torch.no_grad():
        network.to_logits.bias[:EOS_ID] = 50.0  # PAD and BOS are all that the network wants
    batch = make_batch(SOURCES)
    found = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=beam_size, length_penalty=1.0))
    for row in range(len(SOURCES)):
        length = len(tokens_of(found, row))
        assert (found.ids[row, :length] >= EOS_ID).all()
        assert not found.ids[row, length:].any()
