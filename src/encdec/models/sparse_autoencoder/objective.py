"""Trains a sparse autoencoder to give back its input with few units."""

from collections.abc import Callable

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.losses.reconstruction import reconstruction_loss, reconstruction_mse
from encdec.losses.sparsity import kl_sparsity, l1_sparsity
from encdec.models.objective import Loss, Objective, Scores
from encdec.models.sparse_autoencoder.network import SparseAutoencoder, SparseOutput
from encdec.models.sparse_autoencoder.spec import (
    KlSparsity,
    L1Sparsity,
    SparseAutoencoderSpec,
    TopKSparsity,
)

WIDER, WIDER_WEIGHT = 4, 1 / 8
"""Multi-TopK: the error with 4k units is added with this weight, so that units beyond the k largest learn too."""


class SparseAutoencoderObjective(Objective[SparseAutoencoder, ImageBatch]):
    """train/loss: `spec.reconstruction`, the mean over batch and pixels, plus what the sparsity adds.

    l1 and kl: weight times the penalty, a mean over units. top_k: an eighth of the same loss with 4k units
    (Multi-TopK, arXiv:2406.04093), without which most units never work.

    val/mse: mean over images and pixels. val/mean_active_units: units that work, the mean over images.
    """

    def __init__(
        self,
        network: SparseAutoencoder,
        spec: SparseAutoencoderSpec,
        configure: Callable[[nn.Module], OptimizerLRScheduler],
    ) -> None:
        super().__init__(network, configure)
        self.spec = spec

    def added(self, out: SparseOutput, images: Tensor) -> Tensor:
        """What the sparsity adds to the reconstruction loss, a scalar."""
        match self.spec.sparsity:
            case L1Sparsity(weight=weight):
                return weight * l1_sparsity(out.z)
            case KlSparsity(weight=weight, target_activation=target_activation):
                return weight * kl_sparsity(out.code_logits, target_activation=target_activation)
            case TopKSparsity():
                recon_logits = self.network.decode(self.network.units(out.code_logits, widen=WIDER))
                return WIDER_WEIGHT * reconstruction_loss(recon_logits, images, kind=self.spec.reconstruction)

    def loss(self, batch: ImageBatch) -> Loss:
        out = self.network(batch.images)
        reconstruction = reconstruction_loss(out.recon_logits, batch.images, kind=self.spec.reconstruction)
        return Loss(reconstruction + self.added(out, batch.images), len(batch.images))

    def scores(self, batch: ImageBatch, batch_idx: int) -> Scores:
        out = self.network(batch.images)
        active = self.network.active(out.z).sum(dim=1).float().mean()
        mse = reconstruction_mse(out.recon_logits, batch.images)
        return Scores({"val/mse": mse, "val/mean_active_units": active}, len(batch.images))
