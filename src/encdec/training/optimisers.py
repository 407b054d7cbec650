"""The optimiser and the learning-rate schedule of the section `training`."""

from collections.abc import Callable
from functools import partial

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from encdec.params.training import Training

Configure = Callable[[nn.Module], OptimizerLRScheduler]


def configure(training: Training, *, total_steps: int) -> Configure:
    """What an objective calls in `configure_optimizers`; schedules end at `total_steps` optimiser steps."""

    def for_network(network: nn.Module) -> OptimizerLRScheduler:
        optimizer = build_optimizer(network, training)
        optimizer.register_step_pre_hook(partial(clip, limit=training.gradient_clip))
        schedule = build_schedule(optimizer, training, total_steps=total_steps)
        if schedule is None:
            return {"optimizer": optimizer}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    return for_network


def clip(optimizer: torch.optim.Optimizer, args: object, kwargs: object, *, limit: float) -> None:
    """Before a step: all gradients are scaled down together where their norm is above `limit` (arXiv:1211.5063)."""
    parameters = [each for group in optimizer.param_groups for each in group["params"] if each.grad is not None]
    norm = nn.utils.get_total_norm([each.grad for each in parameters])
    if norm.device.type != "cpu" or norm > limit:  # a pass less on a processor; a GPU would have to be waited for
        nn.utils.clip_grads_with_norm_(parameters, limit, norm)


def build_optimizer(network: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Fused: one pass over all parameters."""
    parameters, rate, decay = network.parameters(), training.learning_rate, training.weight_decay
    match training.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, lr=rate, weight_decay=decay, momentum=0.9, nesterov=True, fused=True)


def build_schedule(optimizer: torch.optim.Optimizer, training: Training, *, total_steps: int) -> LRScheduler | None:
    match training.schedule:
        case "constant":
            return None
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=total_steps)
        case "one_cycle":  # arXiv:1708.07120
            return OneCycleLR(optimizer, max_lr=training.learning_rate, total_steps=total_steps)
