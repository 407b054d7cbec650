"""The convolutional classifier: an encoder and a softmax head."""

from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.models.cnn.spec import CnnSpec
from encdec.nn.convolution import ConvolutionalEncoder, ConvolutionStyle
from encdec.nn.heads import ClassifierHead
from encdec.nn.shape import shape_of


class Cnn(nn.Module):
    """logits = head(flatten(pool(block(... pool(block(images))))). No loss, no optimiser, no logging here."""

    def __init__(self, spec: CnnSpec, card: ImageCard) -> None:
        super().__init__()
        network = spec.network
        self.encoder = ConvolutionalEncoder(
            shape_of(card),
            block=network.block,
            channels=network.channels,
            pooling=network.pooling,
            style=ConvolutionStyle(network.kernel_size, network.activation, network.batch_norm),
        )
        self.head = ClassifierHead(
            self.encoder.output_dim,
            hidden_dims=network.hidden_dims,
            num_classes=len(card.classes),
            activation=network.activation,
            dropout_prob=network.dropout_prob,
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K), before softmax."""
        logits: Tensor = self.head(self.encoder(images))
        return logits
