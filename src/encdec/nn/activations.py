"""The non-linearities that params.yaml names."""

from torch import nn

from encdec.params.networks import Activation


def build_activation(name: Activation) -> nn.Module:
    """It may write over its input: neither a linear layer, a convolution nor batch norm needs its output again."""
    match name:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU()
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
        case "elu":
            return nn.ELU()
        case "tanh":
            return nn.Tanh()
