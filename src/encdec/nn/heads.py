"""What is made of an encoder's features: class scores, or the parameters of a Gaussian. Axes: F features."""

from torch import Tensor, nn

from encdec.nn.layout import at_least_float32
from encdec.nn.mlp import hidden_layers
from encdec.params.networks import Activation


class ClassifierHead(nn.Module):
    """Fully connected layers with dropout: features (B, F) -> logits (B, K), before softmax."""

    def __init__(
        self,
        input_dim: int,
        *,
        hidden_dims: tuple[int, ...],
        num_classes: int,
        activation: Activation,
        dropout_prob: float,
    ) -> None:
        super().__init__()
        dims = (input_dim, *hidden_dims)
        self.hidden = hidden_layers(dims, activation=activation, dropout_prob=dropout_prob)
        self.to_logits = nn.Linear(dims[-1], num_classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.to_logits(self.hidden(features))
        return logits


class GaussianHead(nn.Module):
    """A diagonal Gaussian over the code: features (B, F) -> mu (B, Z), log_var (B, Z)."""

    def __init__(self, input_dim: int, *, latent_dim: int) -> None:
        super().__init__()
        self.to_mu = nn.Linear(input_dim, latent_dim)
        self.to_log_var = nn.Linear(input_dim, latent_dim)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return at_least_float32(self.to_mu(features)), at_least_float32(self.to_log_var(features))
