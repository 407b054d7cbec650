"""Greedy and beam search over a decoder, for a whole batch at once.

Axes: B batch, N of its sources that are still searched, K hypotheses per source, V vocabulary, S source steps, T steps
of the search, L layers, G*H state size. PAD and BOS are never chosen. Nothing here knows the network: a step is a
function. Sources whose search is finished leave the batch, and a step of the search waits for the device once.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

from encdec.cards import BOS_ID, EOS_ID, PAD_ID

MOST_KEPT = 0.75
"""Finished sources leave when no more than this share would stay: to copy the others costs a part of a step."""


class Step(NamedTuple):
    logits: Tensor  # (N, K, V)
    state: Tensor  # (L, N*K, G*H)
    attention: Tensor | None  # (N, K, S)


class Encoded(Protocol):
    """What a step reads of the sources."""

    @property
    def state(self) -> Tensor:
        """(L, B, G*H), the decoder's first."""

    def take(self, rows: Tensor) -> Self:
        """Only the sources `rows` (N,)."""


AnyEncoded = TypeVar("AnyEncoded", bound=Encoded)
StepFunction = Callable[[Tensor, Tensor, AnyEncoded], Step]
"""Last tokens (N, K), state (L, N*K, G*H) and the N sources -> the next step."""


class Decoded(NamedTuple):
    """`attention` is None where the network has none, and 0 after the end of a hypothesis."""

    ids: Tensor  # (B, T): tokens, EOS_ID where the hypothesis ended, then PAD_ID; no BOS
    scores: Tensor  # (B,) log-probability of the tokens, EOS included, in nats
    attention: Tensor | None  # (B, T, S)


def greedy_search(step: StepFunction[AnyEncoded], encoded: AnyEncoded, *, max_length: int) -> Decoded:
    """The most probable token at each step, until all hypotheses have ended or have `max_length` tokens."""
    state = encoded.state
    batch_size = state.shape[1]
    rows = torch.arange(batch_size, device=state.device)  # (N,) the sources that are still searched
    token_ids = torch.full_like(rows, BOS_ID)
    ended = torch.zeros_like(rows, dtype=torch.bool)
    scores = state.new_zeros(batch_size)
    ids, attention = [], []
    for _ in range(max_length):
        output = step(token_ids[:, None], state, encoded)
        state = output.state
        log_probs, token_ids = allowed_log_probs(output.logits)[:, 0].max(dim=-1)  # (N,), (N,)
        token_ids = token_ids.masked_fill(ended, PAD_ID)
        scores = scores.index_add(0, rows, log_probs.masked_fill(ended, 0.0))
        ids.append(spread(token_ids, rows, batch_size))
        if output.attention is not None:
            attention.append(spread(output.attention[:, 0] * ~ended[:, None], rows, batch_size))  # (B, S)
        ended = ended | (token_ids == EOS_ID)
        living = (~ended).nonzero()[:, 0]
        if len(living) == 0:
            break
        if len(living) <= MOST_KEPT * len(rows):
            rows, token_ids, ended, encoded = rows[living], token_ids[living], ended[living], encoded.take(living)
            state = state.index_select(1, living)
    return Decoded(torch.stack(ids, dim=1), scores, torch.stack(attention, dim=1) if attention else None)


def spread(values: Tensor, rows: Tensor, batch_size: int) -> Tensor:
    """Values (N, ...) at their places in the batch (B, ...), 0 (which is PAD_ID) elsewhere."""
    return values.new_zeros(batch_size, *values.shape[1:]).index_copy(0, rows, values)


def allowed_log_probs(logits: Tensor) -> Tensor:
    """log softmax over the whole vocabulary (..., V), with -inf at the tokens that are never chosen."""
    log_probs = logits.log_softmax(dim=-1)
    never = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    never[[PAD_ID, BOS_ID]] = True
    return log_probs.masked_fill(never, -torch.inf)


class Trace(NamedTuple):
    """One step of a beam search: the K hypotheses of the beam, each longer than its parent by a token."""

    rows: Tensor  # (N,) the sources that were searched
    token_ids: Tensor  # (N, K), PAD_ID where the parent had ended
    parents: Tensor  # (N, K), index into the beam of the step before
    attention: Tensor | None  # (N, K before, S): what the parents attended to


class Best(NamedTuple):
    """The best hypothesis that has ended, per source."""

    value: Tensor  # (B,) log-probability / length ** length_penalty, -inf where none has ended
    score: Tensor  # (B,) log-probability
    steps: Tensor  # (B,) the step of its EOS
    parents: Tensor  # (B,) index into the beam of the step before

    def take(self, rows: Tensor) -> "Best":
        return Best(*(values[rows] for values in self))

    def put(self, rows: Tensor, other: "Best") -> "Best":
        return Best(*(values.index_copy(0, rows, new) for values, new in zip(self, other, strict=True)))


def beam_search(
    step: StepFunction[AnyEncoded], encoded: AnyEncoded, *, beam_size: int, length_penalty: float, max_length: int
) -> Decoded:
    """The hypothesis with the greatest log-probability / length ** `length_penalty` (length counts EOS).

    The beam holds the `beam_size` most probable hypotheses, living and ended. One that ends is remembered as a result
    for good, and keeps its place in the beam until more probable ones take it; so a few improbable short results
    cannot stop the search before the right one ends, as they can where the search stops at `beam_size` results. A
    source is finished when its whole beam has ended, or when no living hypothesis can overtake the best result:
    log-probabilities only fall and lengths only grow, so score / max_length ** `length_penalty` is the most that a
    living one can reach. Where nothing has ended after `max_length` tokens, the most probable unfinished hypothesis
    is the result.

    `length_penalty` is not negative.
    """
    state = encoded.state
    batch_size = state.shape[1]
    rows = torch.arange(batch_size, device=state.device)
    token_ids = torch.full_like(rows, BOS_ID)[:, None]
    scores = state.new_zeros(batch_size, 1)  # (N, K) log-probabilities; K is 1 at first
    ended = torch.zeros_like(token_ids, dtype=torch.bool)
    best = no_result(scores)
    trail: list[Trace] = []
    for index in range(max_length):
        output = step(token_ids, state, encoded)
        scores, parents, token_ids = best_extensions(scores, ended, output.logits, beam_size=beam_size)
        trail.append(Trace(rows, token_ids, parents, output.attention))
        ends = token_ids == EOS_ID
        results = scores.masked_fill(~ends, -torch.inf)
        found = better_of(best.take(rows), results, parents=parents, step=index, length_penalty=length_penalty)
        best = best.put(rows, found)
        ended = ended.gather(1, parents) | ends
        reachable = scores.masked_fill(ended, -torch.inf).amax(dim=1) / max_length**length_penalty
        living = (~ended.all(dim=1) & (found.value < reachable)).nonzero()[:, 0]
        if len(living) == 0:
            break
        state = output.state
        if len(living) <= MOST_KEPT * len(rows):
            state = state.view(len(state), len(rows), -1, state.shape[-1])[:, living].flatten(1, 2)
            rows, token_ids, parents = rows[living], token_ids[living], parents[living]
            scores, ended, encoded = scores[living], ended[living], encoded.take(living)
        state = reordered(state, parents)
    return trace_back(trail, best, unfinished_score=spread(scores[:, 0], rows, batch_size))


def no_result(scores: Tensor) -> Best:
    nothing = scores.new_full(scores.shape[:1], -torch.inf)
    never = torch.zeros_like(nothing, dtype=torch.long)
    return Best(nothing, nothing, never, never)


def best_extensions(scores: Tensor, ended: Tensor, logits: Tensor, *, beam_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of (B, K) hypotheses with logits (B, K, V): log-probability, parent, token of the best, best first.

    What has ended has one extension, PAD, which costs nothing.
    """
    log_probs = allowed_log_probs(logits).masked_fill(ended[:, :, None], -torch.inf)
    log_probs[:, :, PAD_ID] = log_probs[:, :, PAD_ID].masked_fill(ended, 0.0)
    candidates = (scores[:, :, None] + log_probs).flatten(1)  # (B, K*V)
    values, flat = candidates.topk(min(beam_size, candidates.shape[1]), dim=1)
    return values, flat // logits.shape[-1], flat % logits.shape[-1]


def better_of(best: Best, results: Tensor, *, parents: Tensor, step: int, length_penalty: float) -> Best:
    """Results (B, K): log-probabilities of the hypotheses that ended at this step, -inf for the others."""
    score, rank = results.max(dim=1)
    value = score / (step + 1) ** length_penalty
    better = value > best.value
    return Best(
        torch.where(better, value, best.value),
        torch.where(better, score, best.score),
        torch.where(better, step, best.steps),
        torch.where(better, parents.gather(1, rank[:, None])[:, 0], best.parents),
    )


def reordered(state: Tensor, parents: Tensor) -> Tensor:
    """State (L, B*K before, G*H) -> (L, B*K, G*H), each hypothesis with its parent's state."""
    batch_size = parents.shape[0]
    before = state.shape[1] // batch_size
    first = torch.arange(batch_size, device=state.device)[:, None] * before
    return state.index_select(1, (first + parents).flatten())


def trace_back(trail: list[Trace], best: Best, *, unfinished_score: Tensor) -> Decoded:
    """Follow the parents from the end of each result, or from the first place where nothing has ended, to the start."""
    has_ended = best.value > -torch.inf
    end = torch.where(has_ended, best.steps, len(trail))  # (B,)
    length = int(end.max().clamp(max=len(trail) - 1)) + 1  # what came after the longest result is cut
    pointer = torch.zeros_like(end)
    ids, attention = [], []
    for index in reversed(range(length)):
        rows, token_ids, parents, weights = trail[index]
        at, here = end[rows], pointer[rows]  # (N,)
        before, last = at > index, at == index  # the result goes on after this step, or ends with it
        token_ids = token_ids.gather(1, here[:, None])[:, 0]
        parents = parents.gather(1, here[:, None])[:, 0]
        here = torch.where(before, parents, torch.where(last, best.parents[rows], here))
        pointer = pointer.index_copy(0, rows, here)
        token_ids = torch.where(before, token_ids, torch.where(last, EOS_ID, PAD_ID))
        ids.append(spread(token_ids, rows, len(end)))
        if weights is not None:
            weights = weights.take_along_dim(here[:, None, None], dim=1)[:, 0] * (before | last)[:, None]  # (N, S)
            attention.append(spread(weights, rows, len(end)))
    scores = torch.where(has_ended, best.score, unfinished_score)
    return Decoded(torch.stack(ids[::-1], dim=1), scores, torch.stack(attention[::-1], dim=1) if attention else None)
