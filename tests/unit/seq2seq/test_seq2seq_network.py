"""What every cell and every attention must do."""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from encdec.batches import PairBatch
from encdec.cards import EOS_ID, PairCard
from encdec.losses.sequence import sequence_nll, token_cross_entropy
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding

MakeBatch = Callable[..., PairBatch]
MakeNetwork = Callable[..., Seq2Seq]

CELLS, ATTENTIONS = ("rnn", "lstm", "gru"), ("none", "additive", "dot")
VARIANTS = [
    {"cell": cell, "attention": attention, "bidirectional": bidirectional, "num_layers": layers}
    for cell, attention in product(CELLS, ATTENTIONS)
    for bidirectional, layers in ((True, 1), (False, 2))
]
SOURCES = [[4, 5, 6, 7, 8], [9], [10, 11, 4], [5, 5]]


def named(variant: dict[str, Any]) -> str:
    return "-".join(str(value) for value in variant.values())


every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=named)


def logits_of(network: Seq2Seq, batch: PairBatch) -> Tensor:
    return network(batch.source_ids, batch.source_mask, batch.target_ids)


@every_variant
def test_padding_changes_neither_encoding_nor_loss_nor_search(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(**variant)
    together = make_batch(SOURCES, extra=3)
    encoded = network.encode(together.source_ids, together.source_mask)
    labels, mask = together.target_ids[:, 1:], together.target_mask[:, 1:]
    nll = sequence_nll(logits_of(network, together), labels, mask)
    for beam_size in (1, 3):
        decoding = Decoding(beam_size=beam_size, length_penalty=1.0)
        found = network.decode(together.source_ids, together.source_mask, decoding)
        for row, source in enumerate(SOURCES):
            alone = make_batch([source])
            one = network.encode(alone.source_ids, alone.source_mask)
            torch.testing.assert_close(encoded.memory[row, : len(source)], one.memory[0])
            torch.testing.assert_close(encoded.state[:, row], one.state[:, 0])
            torch.testing.assert_close(nll[row], sequence_nll(*loss_inputs(network, alone))[0])
            single = network.decode(alone.source_ids, alone.source_mask, decoding)
            length = single.ids.shape[1]
            assert found.ids[row, :length].tolist() == single.ids[0].tolist()
            assert not found.ids[row, length:].any()
            torch.testing.assert_close(found.scores[row], single.scores[0])
            if single.attention is not None and found.attention is not None:
                weights = found.attention[row]
                torch.testing.assert_close(weights[:length, : len(source)], single.attention[0])
                assert not weights[:, len(source) :].any()


def loss_inputs(network: Seq2Seq, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
    return logits_of(network, batch), batch.target_ids[:, 1:], batch.target_mask[:, 1:]


@every_variant
def test_padding_gets_no_gradient(variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch) -> None:
    """The ids behind the mask are made different; the gradient of every weight stays what it was."""
    network = make_network(**variant)
    batch = make_batch(SOURCES, extra=2)
    clean = gradients(network, batch)
    source_ids = batch.source_ids.masked_fill(~batch.source_mask, 7)
    target_ids = batch.target_ids.masked_fill(~batch.target_mask, 7)
    dirty = gradients(network, batch._replace(source_ids=source_ids, target_ids=target_ids))
    torch.testing.assert_close(dirty, clean)


def gradients(network: Seq2Seq, batch: PairBatch) -> list[Tensor]:
    loss = token_cross_entropy(*loss_inputs(network, batch), label_smoothing=0.1)
    return list(torch.autograd.grad(loss, list(network.parameters())))


@every_variant
def test_logits_do_not_see_the_token_they_predict_or_what_follows(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(**variant)
    batch = make_batch([[4, 5, 6, 7, 8], [9, 8, 7, 6, 5]])
    before = logits_of(network, batch)
    for step in range(1, batch.target_ids.shape[1] - 1):
        target_ids = batch.target_ids.clone()
        target_ids[:, step:] = 11
        after = logits_of(network, batch._replace(target_ids=target_ids))
        torch.testing.assert_close(after[:, :step], before[:, :step])  # logits[:, step - 1] predict token `step`
        assert (after[:, step] - before[:, step]).abs().max() > 1e-3  # and the next ones do see it


@every_variant
def test_the_decoder_reads_the_source(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    """Every source token matters to the first prediction: the state that crosses the bridge has seen all of them."""
    network = make_network(**variant)
    batch = make_batch([[4, 5, 6]])
    before = logits_of(network, batch)[:, 0]
    for position in range(3):
        source_ids = batch.source_ids.clone()
        source_ids[:, position] = 11
        after = logits_of(network, batch._replace(source_ids=source_ids))[:, 0]
        assert (after - before).abs().max() > 1e-4


@every_variant
def test_the_same_seed_gives_the_same_network_and_another_seed_another(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    batch = make_batch(SOURCES)
    outputs = []
    for seed in (1, 1, 2):
        network = make_network(seed=seed, dropout_prob=0.3, **variant).train()
        outputs.append(logits_of(network, batch))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


@every_variant
def test_gradients_reach_every_parameter(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(**variant)
    found = gradients(network, make_batch(SOURCES))
    assert [
        name for (name, _), gradient in zip(network.named_parameters(), found, strict=True) if not gradient.any()
    ] == []


@every_variant
def test_a_saved_and_loaded_network_is_bit_equal(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch, tmp_path: Path
) -> None:
    network, other = make_network(seed=1, **variant), make_network(seed=2, **variant)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    batch = make_batch(SOURCES)
    assert torch.equal(logits_of(network, batch), logits_of(other, batch))


@every_variant
def test_scheduled_sampling_with_every_token_forced_is_the_parallel_path(
    variant: dict[str, Any], make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(**variant)
    batch = make_batch(SOURCES)
    stepped = network.forward_sampled(batch.source_ids, batch.source_mask, batch.target_ids, teacher_forcing_prob=1.0)
    torch.testing.assert_close(stepped, logits_of(network, batch))


def test_scheduled_sampling_with_no_token_forced_is_the_greedy_path(
    make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    batch = make_batch([[4, 5, 6, 7, 8, 9, 10], [11, 9, 7, 5]])  # 8 predicted tokens
    paths = set()
    for seed in range(4):
        network = make_network(seed=seed)
        with torch.no_grad():
            network.to_logits.bias[EOS_ID] = -1e4  # never ends, so that all steps can be compared
        free = network.forward_sampled(batch.source_ids, batch.source_mask, batch.target_ids, teacher_forcing_prob=0.0)
        greedy = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=1, length_penalty=1.0)).ids
        chosen = free[:, :, EOS_ID:].argmax(dim=-1) + EOS_ID  # neither PAD nor BOS
        assert torch.equal(chosen, greedy[:, :8])
        paths |= {tuple(path) for path in chosen.tolist()}
    assert len(paths) >= 4  # the paths compared were not all one


def test_scheduled_sampling_draws_once_per_step_from_the_global_generator(
    make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    """Each of 7 steps is forced or free: a mixture of both paths, the same again after the same seed."""
    network = make_network()
    batch = make_batch([[4, 5, 6, 7, 8, 9]])
    results = []
    for seed in (0, 0, *range(1, 20)):
        torch.manual_seed(seed)
        results.append(
            network.forward_sampled(batch.source_ids, batch.source_mask, batch.target_ids, teacher_forcing_prob=0.5)
        )
    assert torch.equal(results[0], results[1])
    different = {tuple(result.flatten().tolist()) for result in results}
    assert 2 < len(different) <= 20


def test_a_source_without_a_token_is_refused(make_network: MakeNetwork, make_batch: MakeBatch) -> None:
    batch = make_batch([[4, 5], [6]])
    batch.source_mask[1] = False
    with pytest.raises(ValueError, match="source 1 of the batch has no token; give each source at least one"):
        logits_of(make_network(), batch)


NUM_PAIRS, NUM_TOKENS = 32, 4
BLIND_NLL = math.log(NUM_PAIRS) / (NUM_TOKENS + 1)
"""A decoder that does not see the source gives one distribution over targets to all rows. Its probabilities of 32
different targets add up to at most 1, so by Gibbs' inequality its mean -log p(target) is at least log 32, over 5 tokens
(4 symbols and EOS): 0.693 nats per token."""


def reverse_task(make_batch: MakeBatch) -> PairBatch:
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randperm(8**NUM_TOKENS, generator=generator)[:NUM_PAIRS].tolist()  # 32 different ones
    return make_batch([[4 + number // 8**place % 8 for place in range(NUM_TOKENS)] for number in numbers])


def overfitted_nll(network: Seq2Seq, batch: PairBatch, *, steps: int) -> float:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        loss = token_cross_entropy(*loss_inputs(network, batch), label_smoothing=0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return token_cross_entropy(*loss_inputs(network, batch), label_smoothing=0.0).item()


@pytest.mark.parametrize(("cell", "attention"), list(product(CELLS, ATTENTIONS)))
def test_one_batch_of_the_reverse_task_is_overfitted_far_below_what_a_blind_decoder_can_reach(
    cell: str, attention: str, make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    network = make_network(cell=cell, attention=attention, hidden_dim=32, embedding_dim=16)
    batch = reverse_task(make_batch)
    assert overfitted_nll(network, batch, steps=120) < BLIND_NLL / 5
    found = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=2, length_penalty=1.0)).ids
    assert (found == batch.target_ids[:, 1:]).all(dim=1).float().mean() > 0.8


def test_without_the_source_the_overfitting_bound_is_out_of_reach(
    make_network: MakeNetwork, make_batch: MakeBatch
) -> None:
    batch = reverse_task(make_batch)
    blind = batch._replace(source_ids=torch.full_like(batch.source_ids, 4))
    nll = overfitted_nll(make_network(hidden_dim=32, embedding_dim=16), blind, steps=200)
    assert BLIND_NLL < nll < 1.5 * BLIND_NLL


def test_a_decoded_target_is_at_most_twice_as_long_as_any_of_train(
    make_network: MakeNetwork, make_batch: MakeBatch, card: PairCard
) -> None:
    network = make_network()
    with torch.no_grad():
        network.to_logits.bias[EOS_ID] = -1e4  # never ends
    batch = make_batch([[4, 5], [6]])
    for beam_size in (1, 3):
        found = network.decode(batch.source_ids, batch.source_mask, Decoding(beam_size=beam_size, length_penalty=1.0))
        assert found.ids.shape == (2, 2 * card.max_target_length)
        assert (found.ids > EOS_ID).all()
