"""Trains pyod's AutoEncoder with the project's layer sizes through its own `fit`."""

import time
from typing import Any

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder
from torch.nn import functional as F

from benchmarks.workers.common import Clock, answer, num_parameters, read_request


class Timed(AutoEncoder):  # type: ignore[misc]  # pyod has no types
    """The clock runs in the training loop, and not in the scores that `fit` gives to its own data afterwards."""

    clock = Clock()

    def train(self, train_loader: Any) -> None:
        self.batches = len(train_loader)
        self.clock.start()
        super().train(train_loader)
        self.clock.stop()


def main() -> None:
    request = read_request()
    network = request["spec"]["network"]
    train = np.load(f"{request['exchange']}/train_images.npy")[: request["max_steps"] * request["batch_size"]]
    val = torch.from_numpy(np.load(f"{request['exchange']}/val_images.npy")).flatten(1)
    detector = Timed(
        preprocessing=False,
        lr=request["learning_rate"],
        epoch_num=request["epochs"],
        batch_size=request["batch_size"],
        optimizer_name="adam",
        optimizer_params={},
        device=torch.device("cpu"),
        random_state=request["seed"],
        hidden_neuron_list=[*network["hidden_dims"], network["latent_dim"]],
        hidden_activation_name=network["activation"],
        batch_norm=False,
        dropout_rate=0.0,
        verbose=0,
    )
    began = time.perf_counter()
    detector.fit(train.reshape(len(train), -1))
    whole_seconds = time.perf_counter() - began
    with torch.inference_mode():
        error = float(F.mse_loss(detector.model(val), val))
    answer(
        samples=detector.batches * request["batch_size"] * request["epochs"],
        seconds=detector.clock.seconds,
        whole_seconds=whole_seconds,
        parameters=num_parameters(detector.model),
        quality={"val/mse": error},
    )


if __name__ == "__main__":
    main()
