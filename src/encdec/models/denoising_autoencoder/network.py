"""The denoising autoencoder: the network of an autoencoder, trained to see the clean image in a corrupted one."""

from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.nn.coders import build_decoder, build_encoder
from encdec.nn.outputs import AutoencoderOutput
from encdec.nn.shape import shape_of


class DenoisingAutoencoder(nn.Module):
    """z = W encoder(x~) + b, x' = sigmoid(decoder(z)) for a corrupted image x~ (Vincent et al., JMLR 11, 2010).

    It corrupts nothing itself. No loss, no optimiser, no logging here.
    """

    def __init__(self, spec: DenoisingAutoencoderSpec, card: ImageCard) -> None:
        super().__init__()
        self.encoder = build_encoder(spec.network, shape_of(card))
        self.to_code = nn.Linear(self.encoder.output_dim, spec.network.latent_dim)
        self.decoder = build_decoder(spec.network, shape_of(card))

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> z (B, Z)."""
        z: Tensor = self.to_code(self.encoder(images))
        return z

    def decode(self, z: Tensor) -> Tensor:
        """(B, Z) -> recon_logits (B, C, H, W)."""
        recon_logits: Tensor = self.decoder(z)
        return recon_logits

    def forward(self, images: Tensor) -> AutoencoderOutput:
        z = self.encode(images)
        return AutoencoderOutput(self.decode(z), z)
