"""Attention by hand and in parts; the encoder against torch's packed sequences."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from encdec.nn import attention as attention_module
from encdec.nn.attention import AdditiveAttention, DotAttention
from encdec.nn.recurrent import Recurrence, RecurrentEncoder, StateBridge, reversed_order, take_steps

LENGTHS = torch.tensor([3, 6, 1, 4])
MASK = torch.arange(6) < LENGTHS[:, None]


def test_dot_attention_by_hand() -> None:
    attention = DotAttention(query_dim=2, memory_dim=2)
    memory = torch.tensor([[[1.0, 0.0], [0.0, math.log(3.0)], [9.0, 9.0]]])
    mask = torch.tensor([[True, True, False]])
    context, weights = attention(torch.tensor([[[0.0, 1.0]]]), attention.keys(memory), memory, mask)
    # scores 0, log 3 and one hidden by the mask: weights 1/4, 3/4, 0
    torch.testing.assert_close(weights, torch.tensor([[[0.25, 0.75, 0.0]]]))
    torch.testing.assert_close(context, torch.tensor([[[0.25, 0.75 * math.log(3.0)]]]))


def test_dot_attention_projects_the_memory_only_where_the_sizes_differ() -> None:
    assert list(DotAttention(query_dim=3, memory_dim=3).parameters()) == []
    attention = DotAttention(query_dim=1, memory_dim=2)
    nn.init.constant_(attention.to_keys.weight, 2.0)
    torch.testing.assert_close(attention.keys(torch.tensor([[[1.0, 3.0]]])), torch.tensor([[[8.0]]]))


def test_additive_attention_by_hand() -> None:
    attention = AdditiveAttention(query_dim=1, memory_dim=1, attention_dim=1)
    nn.init.constant_(attention.to_queries.weight, 2.0)
    nn.init.constant_(attention.to_keys.weight, 1.0)
    nn.init.constant_(attention.to_keys.bias, 0.5)
    nn.init.constant_(attention.to_scores.weight, 3.0)
    memory = torch.tensor([[[0.5], [-1.5]]])
    queries, mask = torch.tensor([[[0.25]]]), torch.ones(1, 2, dtype=torch.bool)
    context, weights = attention(queries, attention.keys(memory), memory, mask)
    # energies 2 * 0.25 + m + 0.5 are 1.5 and -0.5; scores 3 tanh; the first's weight is a sigmoid of their difference
    first = 1.0 / (1.0 + math.exp(-3.0 * (math.tanh(1.5) - math.tanh(-0.5))))
    torch.testing.assert_close(weights, torch.tensor([[[first, 1.0 - first]]]))
    torch.testing.assert_close(context, torch.tensor([[[0.5 * first - 1.5 * (1.0 - first)]]]))


@pytest.mark.parametrize("kind", [DotAttention, AdditiveAttention])
def test_attention_weights_sum_to_one_and_are_zero_on_padding(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    attention = (
        DotAttention(query_dim=5, memory_dim=7)
        if kind is DotAttention
        else AdditiveAttention(query_dim=5, memory_dim=7, attention_dim=3)
    )
    memory = torch.randn(4, 6, 7)
    weights = attention(torch.randn(4, 2, 5), attention.keys(memory), memory, MASK).weights
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(4, 2))
    assert not weights.masked_select(~MASK[:, None]).any()
    assert weights.masked_select(MASK[:, None]).all()


def test_additive_attention_in_parts_is_the_whole_and_so_is_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    attention = AdditiveAttention(query_dim=5, memory_dim=7, attention_dim=3)
    memory, queries = torch.randn(4, 6, 7, requires_grad=True), torch.randn(4, 5, 5, requires_grad=True)
    inputs = [memory, queries, *attention.parameters()]

    def outcome() -> list[torch.Tensor]:
        context, weights = attention(queries, attention.keys(memory), memory, MASK)
        return [context, weights, *torch.autograd.grad(context.sin().sum() + weights.square().sum(), inputs)]

    whole = outcome()
    calls = []
    scores = AdditiveAttention._scores
    monkeypatch.setattr(AdditiveAttention, "_scores", lambda self, *args: calls.append(1) or scores(self, *args))
    monkeypatch.setattr(attention_module, "MAX_ENERGIES", 2 * 4 * 6 * 3)  # 2 of 5 queries at once
    torch.testing.assert_close(outcome(), whole)
    assert len(calls) == 3 + 3  # 3 parts, each again in the backward pass


def test_reversing_within_the_length_leaves_padding_in_place_and_undoes_itself() -> None:
    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    order = reversed_order(mask)
    assert order.tolist() == [[2, 1, 0, 3], [3, 2, 1, 0]]
    values = torch.randn(2, 4, 3)
    assert torch.equal(take_steps(take_steps(values, order), order), values)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(("bidirectional", "num_layers"), [(True, 2), (True, 1), (False, 2)])
def test_the_encoder_is_torchs_own_over_a_packed_sequence(cell: str, bidirectional: bool, num_layers: int) -> None:
    torch.manual_seed(0)
    encoder = RecurrentEncoder(
        cell, input_dim=3, hidden_dim=4, num_layers=num_layers, bidirectional=bidirectional, dropout_prob=0.0
    )
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
    reference = kind(3, 4, num_layers, batch_first=True, bidirectional=bidirectional)
    for layer in range(num_layers):
        sides = [(encoder.forward_layers, "")] + ([(encoder.backward_layers, "_reverse")] if bidirectional else [])
        for layers, suffix in sides:
            for name, weight in layers[layer].layers.named_parameters():
                getattr(reference, name.replace("l0", f"l{layer}{suffix}")).data.copy_(weight)
    inputs = torch.randn(4, 6, 3)
    packed = pack_padded_sequence(inputs, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, last = reference(packed)
    hidden = last[0] if cell == "lstm" else last  # (L * D, B, H), the directions of a layer side by side
    outputs, last_hidden = encoder(inputs, MASK)
    torch.testing.assert_close(outputs, pad_packed_sequence(expected, batch_first=True)[0])
    torch.testing.assert_close(last_hidden, hidden.unflatten(0, (num_layers, -1)).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_recurrence_in_steps_is_the_recurrence_in_one_call(cell: str) -> None:
    torch.manual_seed(0)
    recurrence = Recurrence(cell, input_dim=3, hidden_dim=4, num_layers=2, dropout_prob=0.0)
    inputs, state = torch.randn(2, 5, 3), torch.randn(2, 2, recurrence.state_dim)
    outputs, last = recurrence(inputs, state)
    for index in range(5):
        output, state = recurrence(inputs[:, index, None], state)
        torch.testing.assert_close(output[:, 0], outputs[:, index])
    torch.testing.assert_close(state, last)


def test_an_lstm_keeps_its_cell_state_at_first() -> None:
    """With all other weights 0, one step multiplies the cell state by sigmoid(1); two by its square."""
    recurrence = Recurrence("lstm", input_dim=3, hidden_dim=4, num_layers=2, dropout_prob=0.0)
    with torch.no_grad():
        for name, weight in recurrence.layers.named_parameters():
            if name.startswith("weight"):
                weight.zero_()
            else:
                weight[:4], weight[8:] = 0.0, 0.0  # all but the forget gate's
    state = torch.cat((torch.zeros(2, 1, 4), torch.full((2, 1, 4), 8.0)), dim=-1)
    _, last = recurrence(torch.ones(1, 2, 3), state)
    torch.testing.assert_close(last[:, :, 4:], torch.full((2, 1, 4), 8.0 / (1.0 + math.exp(-1.0)) ** 2))


def test_dropout_between_encoder_layers_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    encoder = RecurrentEncoder("gru", input_dim=3, hidden_dim=4, num_layers=2, bidirectional=True, dropout_prob=0.5)
    inputs = torch.randn(4, 6, 3)
    assert not torch.allclose(encoder(inputs, MASK).outputs, encoder(inputs, MASK).outputs)
    encoder.eval()
    assert torch.equal(encoder(inputs, MASK).outputs, encoder(inputs, MASK).outputs)


@pytest.mark.parametrize(("cell", "width"), [("rnn", 2), ("gru", 2), ("lstm", 4)])
def test_the_bridge_makes_each_layers_state_from_that_layers_last_hidden_states(cell: str, width: int) -> None:
    bridge = StateBridge(cell, encoder_dim=3, hidden_dim=2, num_layers=2)
    for layer, projection in enumerate(bridge.projections):
        nn.init.constant_(projection.weight, 0.1 * (layer + 1))
        nn.init.zeros_(projection.bias)
    state = bridge(torch.tensor([[[1.0, 2.0, 3.0]], [[1.0, 1.0, -1.0]]]))
    # layer 0: tanh(0.1 * 6); layer 1: tanh(0.2 * 1)
    expected = torch.tensor([math.tanh(0.6), math.tanh(0.2)])[:, None, None].expand(2, 1, width)
    torch.testing.assert_close(state, expected)
