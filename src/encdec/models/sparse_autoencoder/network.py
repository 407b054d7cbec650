"""The sparse autoencoder: more units in the code than values in the image, most of them at rest."""

from typing import NamedTuple

from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.models.sparse_autoencoder.spec import KlSparsity, L1Sparsity, SparseAutoencoderSpec, TopKSparsity
from encdec.nn.codes import keep_largest, start_tied
from encdec.nn.layout import at_least_float32
from encdec.nn.mlp import MlpDecoder, MlpEncoder
from encdec.nn.shape import shape_of


class SparseOutput(NamedTuple):
    """The reconstruction is sigmoid(recon_logits); `code_logits` are the units' scores before their activation."""

    recon_logits: Tensor  # (B, C, H, W)
    z: Tensor  # (B, Z)
    code_logits: Tensor  # (B, Z)


class SparseAutoencoder(nn.Module):
    """z = units(W encoder(x) + b), x' = sigmoid(decoder(z)). No loss, no optimiser, no logging here.

    units is relu for an L1 penalty, sigmoid for a KL penalty, and relu with all but the k largest set to 0 for top_k
    (arXiv:1312.5663).
    """

    def __init__(self, spec: SparseAutoencoderSpec, card: ImageCard) -> None:
        super().__init__()
        network, shape = spec.network, shape_of(card)
        code_dim = spec.code_dim(card.inputs)
        self.sparsity = spec.sparsity
        self.encoder = MlpEncoder(shape, hidden_dims=network.hidden_dims, activation=network.activation)
        self.to_code = nn.Linear(self.encoder.output_dim, code_dim)
        self.decoder = MlpDecoder(
            shape, code_dim=code_dim, hidden_dims=network.hidden_dims, activation=network.activation
        )
        start_tied(self.to_code, self.decoder.from_code)

    def score(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> code_logits (B, Z)."""
        return at_least_float32(self.to_code(self.encoder(images)))

    def units(self, code_logits: Tensor, *, widen: int = 1) -> Tensor:
        """Scores (B, Z) -> z (B, Z); with top_k, `widen` times k units stay."""
        match self.sparsity:
            case L1Sparsity():
                return code_logits.relu()
            case KlSparsity():
                return code_logits.sigmoid()
            case TopKSparsity(k=k):
                return keep_largest(code_logits.relu(), k=min(widen * k, code_logits.shape[1]))

    def active(self, z: Tensor) -> Tensor:
        """Which units work, (B, Z) -> bool (B, Z): above 0, or for sigmoid units, which never rest, above 0.5."""
        return z > 0.5 if isinstance(self.sparsity, KlSparsity) else z > 0

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> z (B, Z)."""
        return self.units(self.score(images))

    def decode(self, z: Tensor) -> Tensor:
        """(B, Z) -> recon_logits (B, C, H, W)."""
        recon_logits: Tensor = self.decoder(z)
        return recon_logits

    def forward(self, images: Tensor) -> SparseOutput:
        code_logits = self.score(images)
        z = self.units(code_logits)
        return SparseOutput(self.decode(z), z, code_logits)
