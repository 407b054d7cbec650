"""Greedy and beam search over a decoder, for a whole batch at once.

Axes: B batch, K hypotheses per source, V vocabulary, S source steps, T steps of the search, L layers, G*H state size.
PAD and BOS are never chosen. Nothing here knows the network: a step is a function.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from encdec.cards import BOS_ID, EOS_ID, PAD_ID


class Step(NamedTuple):
    logits: Tensor  # (B, K, V)
    state: Tensor  # (L, B*K, G*H)
    attention: Tensor | None  # (B, K, S)


StepFunction = Callable[[Tensor, Tensor], Step]
"""Last tokens (B, K) and state (L, B*K, G*H) -> the next step."""


class Decoded(NamedTuple):
    """`attention` is None where the network has none, and 0 after the end of a hypothesis."""

    ids: Tensor  # (B, T): tokens, EOS_ID where the hypothesis ended, then PAD_ID; no BOS
    scores: Tensor  # (B,) log-probability of the tokens, EOS included, in nats
    attention: Tensor | None  # (B, T, S)


def greedy_search(step: StepFunction, state: Tensor, *, max_length: int) -> Decoded:
    """The most probable token at each step, until all hypotheses have ended or have `max_length` tokens.

    State: (L, B, G*H), the decoder's first.
    """
    batch_size = state.shape[1]
    token_ids = state.new_full((batch_size,), BOS_ID, dtype=torch.long)
    scores = state.new_zeros(batch_size)
    ended = torch.zeros_like(token_ids, dtype=torch.bool)
    ids, attention = [], []
    for _ in range(max_length):
        output = step(token_ids[:, None], state)
        state = output.state
        log_probs, token_ids = allowed_log_probs(output.logits)[:, 0].max(dim=-1)  # (B,), (B,)
        token_ids = token_ids.masked_fill(ended, PAD_ID)
        scores = scores + log_probs.masked_fill(ended, 0.0)
        ids.append(token_ids)
        if output.attention is not None:
            attention.append(output.attention[:, 0] * ~ended[:, None])  # (B, S)
        ended = ended | (token_ids == EOS_ID)
        if ended.all():
            break
    return Decoded(torch.stack(ids, dim=1), scores, torch.stack(attention, dim=1) if attention else None)


def allowed_log_probs(logits: Tensor) -> Tensor:
    """log softmax over the whole vocabulary (..., V), with -inf at the tokens that are never chosen."""
    log_probs = logits.log_softmax(dim=-1)
    never = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    never[[PAD_ID, BOS_ID]] = True
    return log_probs.masked_fill(never, -torch.inf)


class Trace(NamedTuple):
    """One step of a beam search: the K hypotheses of the beam, each longer than its parent by a token."""

    token_ids: Tensor  # (B, K), PAD_ID where the parent had ended
    parents: Tensor  # (B, K), index into the beam of the step before
    attention: Tensor | None  # (B, K before, S): what the parents attended to


class Best(NamedTuple):
    """The best hypothesis that has ended, per source."""

    value: Tensor  # (B,) log-probability / length ** length_penalty, -inf where none has ended
    score: Tensor  # (B,) log-probability
    steps: Tensor  # (B,) the step of its EOS
    parents: Tensor  # (B,) index into the beam of the step before


def beam_search(
    step: StepFunction, state: Tensor, *, beam_size: int, length_penalty: float, max_length: int
) -> Decoded:
    """The hypothesis with the greatest log-probability / length ** `length_penalty` (length counts EOS).

    The beam holds the `beam_size` most probable hypotheses, living and ended. One that ends is remembered as a result
    for good, and keeps its place in the beam until more probable ones take it; so a few improbable short results
    cannot stop the search before the right one ends, as they can where the search stops at `beam_size` results. A
    source is finished when its whole beam has ended, or when no living hypothesis can overtake the best result:
    log-probabilities only fall and lengths only grow, so score / max_length ** `length_penalty` is the most that a
    living one can reach. The batch stops when all sources are finished. Where nothing has ended after `max_length`
    tokens, the most probable unfinished hypothesis is the result.

    State: (L, B, G*H), the decoder's first. `length_penalty` is not negative.
    """
    batch_size = state.shape[1]
    token_ids = state.new_full((batch_size, 1), BOS_ID, dtype=torch.long)
    scores = state.new_zeros(batch_size, 1)  # (B, K) log-probabilities; K is 1 at first
    ended = torch.zeros_like(token_ids, dtype=torch.bool)
    best = no_result(scores)
    trail: list[Trace] = []
    for index in range(max_length):
        output = step(token_ids, state)
        scores, parents, token_ids = best_extensions(scores, ended, output.logits, beam_size=beam_size)
        trail.append(Trace(token_ids, parents, output.attention))
        ends = token_ids == EOS_ID
        results = scores.masked_fill(~ends, -torch.inf)
        best = better_of(best, results, parents=parents, step=index, length_penalty=length_penalty)
        ended = ended.gather(1, parents) | ends
        reachable = scores.masked_fill(ended, -torch.inf).amax(dim=1) / max_length**length_penalty
        if (ended.all(dim=1) | (best.value >= reachable)).all():
            break
        state = reordered(output.state, parents)
    return trace_back(trail, best, unfinished_score=scores[:, 0])


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
    pointer = torch.zeros_like(end)
    ids, attention = [], []
    for index in reversed(range(len(trail))):
        trace = trail[index]
        token_ids = trace.token_ids.gather(1, pointer[:, None])[:, 0]
        parents = trace.parents.gather(1, pointer[:, None])[:, 0]
        before, at = end > index, end == index  # the result goes on after this step, or ends with it
        pointer = torch.where(before, parents, torch.where(at, best.parents, pointer))
        ids.append(torch.where(before, token_ids, torch.where(at, EOS_ID, PAD_ID)))
        if trace.attention is not None:
            rows = trace.attention.take_along_dim(pointer[:, None, None], dim=1)[:, 0]  # (B, S)
            attention.append(rows * (before | at)[:, None])
    scores = torch.where(has_ended, best.score, unfinished_score)
    length = int(end.max().clamp(max=len(trail) - 1)) + 1  # what came after the longest result is cut
    weights = torch.stack(attention[::-1], dim=1)[:, :length] if attention else None
    return Decoded(torch.stack(ids[::-1], dim=1)[:, :length], scores, weights)
