"""How the sequence-to-sequence network is trained: next-token cross-entropy, with teacher forcing or without."""

from collections.abc import Callable

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from encdec.batches import PairBatch
from encdec.losses.sequence import sequence_nll, token_cross_entropy
from encdec.models.objective import Loss, Objective, Scores
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Seq2SeqSpec


class Seq2SeqObjective(Objective[Seq2Seq, PairBatch]):
    """Minimises the label-smoothed cross-entropy per target token, EOS included, BOS not.

    With `teacher_forcing_prob` 1 the network reads the whole true target at once; below, step by step. Validation
    always reads the true target and smooths nothing, so that val/nll is comparable between parameters.
    """

    def __init__(
        self, network: Seq2Seq, spec: Seq2SeqSpec, configure: Callable[[nn.Module], OptimizerLRScheduler]
    ) -> None:
        super().__init__(network, configure)
        self.label_smoothing = spec.label_smoothing
        self.teacher_forcing_prob = spec.teacher_forcing_prob

    def loss(self, batch: PairBatch) -> Loss:
        labels, mask = batch.target_ids[:, 1:], batch.target_mask[:, 1:]  # (B, T-1): what follows each token
        loss = token_cross_entropy(self._logits(batch), labels, mask, label_smoothing=self.label_smoothing)
        return Loss(loss, mask.sum())

    def scores(self, batch: PairBatch, batch_idx: int) -> Scores:
        labels, mask = batch.target_ids[:, 1:], batch.target_mask[:, 1:]
        logits = self.network(batch.source_ids, batch.source_mask, batch.target_ids)  # (B, T-1, V)
        num_tokens = mask.sum()
        nll = sequence_nll(logits, labels, mask).sum() / num_tokens
        accuracy = ((logits.argmax(dim=-1) == labels) & mask).sum() / num_tokens
        return Scores({"val/nll": nll, "val/token_accuracy": accuracy}, num_tokens)

    def _logits(self, batch: PairBatch) -> Tensor:
        if self.teacher_forcing_prob == 1.0:
            logits: Tensor = self.network(batch.source_ids, batch.source_mask, batch.target_ids)
            return logits
        return self.network.forward_sampled(
            batch.source_ids,
            batch.source_mask,
            batch.target_ids,
            teacher_forcing_prob=self.teacher_forcing_prob,
        )
