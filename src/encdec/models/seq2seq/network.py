"""The sequence-to-sequence network: a recurrent encoder, and a recurrent decoder that may attend to it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from encdec.cards import PAD_ID, PairCard
from encdec.models.seq2seq.spec import Decoding, Seq2SeqNetwork, Seq2SeqSpec
from encdec.nn.attention import AdditiveAttention, DotAttention
from encdec.nn.recurrent import Recurrence, RecurrentEncoder, StateBridge
from encdec.nn.search import Decoded, Step, allowed_log_probs, beam_search, greedy_search


class Encoded(NamedTuple):
    """What the decoder reads of a source. `keys` is None where the network has no attention."""

    memory: Tensor  # (B, S, M)
    keys: Tensor | None  # (B, S, A)
    mask: Tensor  # (B, S)
    state: Tensor  # (L, B, G*H), the decoder's first

    def take(self, rows: Tensor) -> "Encoded":
        """Only the sources `rows` (N,), so that a search can leave out those that are finished."""
        keys = None if self.keys is None else self.keys[rows]
        return Encoded(self.memory[rows], keys, self.mask[rows], self.state[:, rows])


class Reading(NamedTuple):
    logits: Tensor  # (B, T, V)
    attention: Tensor | None  # (B, T, S)


class Seq2Seq(nn.Module):
    """An encoder and a decoder of one cell (arXiv:1409.3215, arXiv:1406.1078), with or without attention.

    h_t = cell(embedding of y_t, h_{t-1}), h_0 = bridge(encoder's last hidden states)
    c_t = attention(h_t, encoder outputs), r_t = tanh(W [h_t; c_t]), p(y_{t+1}) = softmax(V r_t)

    The order is Luong's (arXiv:1508.04025) for both scores: attention comes after the recurrence and its result is
    not fed back. So the recurrence reads a whole known target in one call, and all of its steps attend in one matrix
    product. Without attention, r_t = h_t.

    Axes: B batch, S source steps, T target steps with BOS, V target vocabulary, E embedding, H hidden units, M memory
    size (H, or 2H when bidirectional), A attention size, K hypotheses per source, L layers, G state tensors of a cell.
    No loss, no optimiser, no logging here.
    """

    def __init__(self, spec: Seq2SeqSpec, card: PairCard) -> None:
        super().__init__()
        shape = spec.network
        self.max_decoded_length = 2 * card.max_target_length
        self.source_embedding = nn.Embedding(card.source_vocab_size, shape.embedding_dim, padding_idx=PAD_ID)
        self.target_embedding = nn.Embedding(card.target_vocab_size, shape.embedding_dim, padding_idx=PAD_ID)
        self.encoder = RecurrentEncoder(
            shape.cell,
            input_dim=shape.embedding_dim,
            hidden_dim=shape.hidden_dim,
            num_layers=shape.num_layers,
            bidirectional=shape.bidirectional,
            dropout_prob=shape.dropout_prob,
        )
        self.bridge = StateBridge(
            shape.cell,
            encoder_dim=self.encoder.output_dim,
            hidden_dim=shape.hidden_dim,
            num_layers=shape.num_layers,
        )
        self.decoder = Recurrence(
            shape.cell,
            input_dim=shape.embedding_dim,
            hidden_dim=shape.hidden_dim,
            num_layers=shape.num_layers,
            dropout_prob=shape.dropout_prob,
        )
        self.attention = build_attention(shape, memory_dim=self.encoder.output_dim)
        if self.attention is not None:
            self.combine = nn.Linear(shape.hidden_dim + self.encoder.output_dim, shape.hidden_dim)
        self.dropout = nn.Dropout(shape.dropout_prob)
        self.to_logits = nn.Linear(shape.hidden_dim, card.target_vocab_size)

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher forcing: (B, S), (B, S), (B, T) -> logits (B, T-1, V); those at step t are for target_ids[:, t+1]."""
        encoded = self.encode(source_ids, source_mask)
        hidden, _ = self.decoder(self._embed_target(target_ids[:, :-1]), encoded.state)  # (B, T-1, H)
        return self._read(hidden, encoded).logits

    def forward_sampled(
        self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor, *, teacher_forcing_prob: float
    ) -> Tensor:
        """Scheduled sampling (arXiv:1506.03099), step by step: (B, S), (B, S), (B, T) -> logits (B, T-1, V).

        After BOS, each step reads the true previous token with `teacher_forcing_prob`, else the network's own best;
        one draw per step for the whole batch, from torch's global generator.
        """
        encoded = self.encode(source_ids, source_mask)
        num_steps = target_ids.shape[1] - 1
        forced = (torch.rand(num_steps) < teacher_forcing_prob).tolist()
        token_ids, state = target_ids[:, :1], encoded.state  # (B, 1): BOS
        logits: list[Tensor] = []
        for index in range(num_steps):
            if index > 0:
                own = allowed_log_probs(logits[-1].detach()).argmax(dim=-1)  # (B, 1)
                token_ids = target_ids[:, index, None] if forced[index] else own
            output = self.step(token_ids, state, encoded)
            logits.append(output.logits)
            state = output.state
        return torch.cat(logits, dim=1)

    def encode(self, source_ids: Tensor, source_mask: Tensor) -> Encoded:
        """(B, S), (B, S) -> what the decoder reads. A source without a token is an error."""
        if not bool(source_mask.any(dim=1).all()):
            row = int(source_mask.any(dim=1).int().argmin())
            raise ValueError(f"source {row} of the batch has no token; give each source at least one")
        memory, last_hidden = self.encoder(self.dropout(self.source_embedding(source_ids)), source_mask)
        keys = None if self.attention is None else self.attention.keys(memory)
        return Encoded(memory, keys, source_mask, self.bridge(last_hidden))

    def step(self, token_ids: Tensor, state: Tensor, encoded: Encoded) -> Step:
        """One step of K hypotheses per source: last tokens (B, K), state (L, B*K, G*H) -> logits (B, K, V)."""
        batch_size, num_hypotheses = token_ids.shape
        hidden, state = self.decoder(self._embed_target(token_ids.reshape(-1, 1)), state)  # (B*K, 1, H)
        # the hypotheses of a source stand where target steps stand in training, so its memory is not copied
        reading = self._read(hidden.view(batch_size, num_hypotheses, -1), encoded)
        return Step(reading.logits, state, reading.attention)

    @torch.no_grad()
    def decode(self, source_ids: Tensor, source_mask: Tensor, decoding: Decoding) -> Decoded:
        """(B, S), (B, S) -> the best target found for each source, at most twice as long as any of train."""
        encoded = self.encode(source_ids, source_mask)
        if decoding.beam_size == 1:
            return greedy_search(self.step, encoded, max_length=self.max_decoded_length)
        return beam_search(
            self.step,
            encoded,
            beam_size=decoding.beam_size,
            length_penalty=decoding.length_penalty,
            max_length=self.max_decoded_length,
        )

    def _embed_target(self, token_ids: Tensor) -> Tensor:
        embedded: Tensor = self.dropout(self.target_embedding(token_ids))  # (B, T) -> (B, T, E)
        return embedded

    def _read(self, hidden: Tensor, encoded: Encoded) -> Reading:
        """Decoder outputs (B, T, H) -> logits (B, T, V) and where each step looked (B, T, S)."""
        if self.attention is None or encoded.keys is None:
            return Reading(self.to_logits(self.dropout(hidden)), None)
        context, weights = self.attention(hidden, encoded.keys, encoded.memory, encoded.mask)
        readout = torch.tanh(self.combine(torch.cat((hidden, context), dim=-1)))  # (B, T, H)
        return Reading(self.to_logits(self.dropout(readout)), weights)


def build_attention(shape: Seq2SeqNetwork, *, memory_dim: int) -> AdditiveAttention | DotAttention | None:
    match shape.attention:
        case "none":
            return None
        case "dot":
            return DotAttention(query_dim=shape.hidden_dim, memory_dim=memory_dim)
        case "additive":
            return AdditiveAttention(query_dim=shape.hidden_dim, memory_dim=memory_dim, attention_dim=shape.hidden_dim)
