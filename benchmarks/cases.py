"""What is measured: networks, and who trains each of them."""

from typing import Literal, NamedTuple, get_args

from benchmarks.parameters import Overrides
from encdec.params.root import Kind, ModelName

Competitor = Literal[
    "project", "project_strict", "bare_adam", "bare_fused", "pythae", "pyod", "joeynmt", "opennmt", "opennmt_input_feed"
]
COMPETITORS: tuple[Competitor, ...] = get_args(Competitor)
TITLES: dict[Competitor, str] = {
    "project": "encdec, default settings",
    "project_strict": "encdec, strict float32",
    "bare_adam": "bare loop, Adam",
    "bare_fused": "bare loop, fused AdamW",
    "pythae": "pythae 0.1.2",
    "pyod": "pyod 3.6.7",
    "joeynmt": "joeynmt 2.3.0",
    "opennmt": "OpenNMT-py 3.5.1",
    "opennmt_input_feed": "OpenNMT-py 3.5.1, input feeding",
}
OURS: tuple[Competitor, ...] = ("project", "project_strict", "bare_adam", "bare_fused")
BATCH_SIZE = 128
TARGET_ERROR = 0.16
"""The phoneme error rate to which the time is taken."""
RECIPE: Overrides = {
    "training.batch_size": BATCH_SIZE,
    "training.learning_rate": 3e-3,  # where one_cycle peaks; plain Adam stays at 1e-3
    "training.patience": 1000,
}


class Case(NamedTuple):
    """`values` stand inside of the model's section; `epochs` are passes over the training data."""

    name: str
    title: str
    model: ModelName
    values: Overrides
    epochs: int
    peers: tuple[Competitor, ...] = ()

    @property
    def kind(self) -> Kind:
        return "pairs" if self.model == "seq2seq" else "images"

    @property
    def competitors(self) -> tuple[Competitor, ...]:
        return (*OURS, *self.peers)


MLP_VALUES: Overrides = {**RECIPE, "network.activation": "relu"}
"""relu, since pyod does not have gelu."""
VAE_VALUES: Overrides = {**RECIPE, "likelihood": "bernoulli", "beta_warmup_steps": 0}
"""pythae's VAE has a Bernoulli likelihood and no learned scale, and no warm-up."""
CONVOLUTIONAL: dict[str, object] = {
    "architecture": "convolutional",
    "channels": [32, 64],
    "kernel_size": 3,
    "latent_dim": 12,
    "activation": "relu",
    "batch_norm": True,
}
CASES = (
    Case("cnn", "CNN", "cnn", {**RECIPE, "network.dropout_prob": 0.0}, epochs=1),
    Case("autoencoder", "MLP autoencoder", "autoencoder", MLP_VALUES, epochs=4, peers=("pythae", "pyod")),
    Case(
        "wide_autoencoder",
        "MLP autoencoder, wide",
        "autoencoder",
        {**MLP_VALUES, "network.hidden_dims": [512]},  # as pythae has it by default
        epochs=4,
        peers=("pythae", "pyod"),
    ),
    Case(
        "small_autoencoder",
        "MLP autoencoder, small",
        "autoencoder",
        {**MLP_VALUES, "network.hidden_dims": [42]},
        epochs=16,
        peers=("pythae", "pyod"),
    ),
    Case("sparse_autoencoder", "Sparse autoencoder", "sparse_autoencoder", RECIPE, epochs=2),
    Case("denoising_autoencoder", "Denoising autoencoder", "denoising_autoencoder", RECIPE, epochs=4),
    Case("vae", "MLP VAE", "vae", VAE_VALUES, epochs=4, peers=("pythae",)),
    Case("conv_vae", "Convolutional VAE", "vae", {**VAE_VALUES, "network": CONVOLUTIONAL}, epochs=1, peers=("pythae",)),
    Case(
        "seq2seq",
        "Attention GRU",
        "seq2seq",
        {
            **RECIPE,
            "training.schedule": "cosine",
            "training.learning_rate": 2e-3,
            "network.cell": "gru",
            "network.hidden_dim": 256,
            "network.dropout_prob": 0.0,
            "decoding": {"beam_size": 1, "length_penalty": 1.0},
        },
        epochs=1,
        peers=("joeynmt", "opennmt", "opennmt_input_feed"),
    ),
)


def find_case(name: str) -> Case:
    return next(case for case in CASES if case.name == name)
