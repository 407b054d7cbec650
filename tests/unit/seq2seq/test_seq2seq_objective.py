"""What training minimises and what validation logs."""

from collections.abc import Callable

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from encdec.batches import PairBatch
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.objective import Seq2SeqObjective

MakeBatch = Callable[..., PairBatch]
MakeNetwork = Callable[..., Seq2Seq]


def trainer(steps: int) -> pl.Trainer:
    return pl.Trainer(
        max_steps=steps,
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def without_learning(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=0.0)


def loader(batches: list[PairBatch]) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(batches, batch_size=None)


def test_validation_logs_means_over_all_tokens_not_over_batches(
    make_network: MakeNetwork, make_spec: Callable, make_batch: MakeBatch
) -> None:
    network = make_network(label_smoothing=0.3, teacher_forcing_prob=0.5)  # neither may touch validation
    batches = [make_batch([[4, 5, 6, 7, 8], [9, 10]]), make_batch([[11]])]  # 6 + 3 and 2 tokens with EOS
    objective = Seq2SeqObjective(network, make_spec(label_smoothing=0.3, teacher_forcing_prob=0.5), without_learning)
    logged = trainer(1).validate(objective, loader(batches), verbose=False)[0]
    nll, correct, count = 0.0, 0, 0
    for batch in batches:
        log_probs = network(batch.source_ids, batch.source_mask, batch.target_ids).log_softmax(dim=-1)
        for row, target in enumerate(batch.target_ids):
            for step in range(int(batch.target_mask[row].sum()) - 1):
                nll -= log_probs[row, step, target[step + 1]].item()
                correct += int(log_probs[row, step].argmax() == target[step + 1])
                count += 1
    assert count == 11
    assert logged == {
        "val/nll": pytest.approx(nll / 11, rel=1e-5),
        "val/token_accuracy": pytest.approx(correct / 11, rel=1e-5),
    }


def test_training_minimises_the_smoothed_loss_per_token(
    make_network: MakeNetwork, make_spec: Callable, make_batch: MakeBatch
) -> None:
    network = make_network()
    batch = make_batch([[4, 5, 6], [7]])
    loss, weight = Seq2SeqObjective(network, make_spec(label_smoothing=0.2), without_learning).loss(batch)
    logits = network(batch.source_ids, batch.source_mask, batch.target_ids)[batch.target_mask[:, 1:]]
    labels = batch.target_ids[:, 1:][batch.target_mask[:, 1:]]
    expected = nn.functional.cross_entropy(logits, labels, label_smoothing=0.2)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert int(weight) == len(labels) == 6


@pytest.mark.parametrize(("prob", "parallel"), [(1.0, True), (0.9, False), (0.0, False)])
def test_training_goes_step_by_step_only_where_teacher_forcing_is_below_one(
    prob: float,
    parallel: bool,
    make_network: MakeNetwork,
    make_spec: Callable,
    make_batch: MakeBatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = make_network()
    seen = []
    sampled = Seq2Seq.forward_sampled

    def spy(self: Seq2Seq, *args: object, teacher_forcing_prob: float) -> torch.Tensor:
        seen.append(teacher_forcing_prob)
        return sampled(self, *args, teacher_forcing_prob=teacher_forcing_prob)

    monkeypatch.setattr(Seq2Seq, "forward_sampled", spy)
    objective = Seq2SeqObjective(network, make_spec(teacher_forcing_prob=prob), without_learning)
    loss = objective.loss(make_batch([[4, 5, 6], [7]])).value
    assert seen == ([] if parallel else [prob])
    assert loss.requires_grad


def test_the_injected_optimiser_trains_the_network(
    make_network: MakeNetwork, make_spec: Callable, make_batch: MakeBatch
) -> None:
    network = make_network()
    batch = make_batch([[4, 5, 6], [7]])
    asked = []

    def configure(given: nn.Module) -> torch.optim.Optimizer:
        asked.append(given)
        return torch.optim.Adam(given.parameters(), lr=0.05)

    objective = Seq2SeqObjective(network, make_spec(), configure)
    fitting = trainer(15)
    before = fitting.validate(objective, loader([batch]), verbose=False)[0]["val/nll"]
    fitting.fit(objective, loader([batch] * 15))
    assert asked == [network]
    assert fitting.validate(objective, loader([batch]), verbose=False)[0]["val/nll"] < before / 2
