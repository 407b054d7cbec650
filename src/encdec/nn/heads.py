"""What is made of an encoder's features: class scores, or the parameters of a Gaussian."""

import itertools

from torch import Tensor, nn

from encdec.nn.activations import build_activation
from encdec.params.networks import Activation


def hidden_layers(dims: tuple[int, ...], *, activation: Activation, dropout_prob: float) -> nn.Sequential:
    """A linear layer, activation and dropout for each step from one entry of `dims` to the next."""
    layers: list[nn.Module] = []
    for in_dim, out_dim in itertools.pairwise(dims):
        layers += [nn.Linear(in_dim, out_dim), build_activation(activation)]
        if dropout_prob > 0:
            layers.append(nn.Dropout(dropout_prob))
    return nn.Sequential(*layers)


class ClassifierHead(nn.Module):
    """Fully connected layers with dropout: features (B, F) -> logits (B, K), before softmax."""

    def __init__(
        self,
        features: int,
        *,
        hidden_dims: tuple[int, ...],
        num_classes: int,
        activation: Activation,
        dropout_prob: float,
    ) -> None:
        super().__init__()
        dims = (features, *hidden_dims)
        self.hidden = hidden_layers(dims, activation=activation, dropout_prob=dropout_prob)
        self.to_logits = nn.Linear(dims[-1], num_classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.to_logits(self.hidden(features))
        return logits


class GaussianHead(nn.Module):
    """A diagonal Gaussian over the code: features (B, F) -> mu (B, Z), log_var (B, Z)."""

    def __init__(self, features: int, *, latent_dim: int) -> None:
        super().__init__()
        self.to_mu = nn.Linear(features, latent_dim)
        self.to_log_var = nn.Linear(features, latent_dim)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_mu(features), self.to_log_var(features)
