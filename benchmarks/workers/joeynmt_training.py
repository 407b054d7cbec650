"""Trains joeynmt's recurrent model through its own TrainManager."""

import time
from typing import Any

from joeynmt.config import parse_global_args, set_validation_args
from joeynmt.prediction import predict, prepare
from joeynmt.training import TrainManager

from benchmarks.workers.common import Clock, ErrorCurve, answer, num_parameters, read_request


class Timed(TrainManager):  # type: ignore[misc]  # joeynmt has no types
    """Its validation, which it calls every `validation_freq` steps, looks at the sample beside the clock."""

    def watch(self, curve: ErrorCurve, clock: Clock, *, target: float) -> None:
        self.curve, self.clock, self.target = curve, clock, target

    def _validate(self, valid_data: Any) -> None:
        with self.clock.paused():
            _, _, _, decoded, _, _ = predict(
                model=self.model,
                data=valid_data,
                device=self.device,
                n_gpu=0,
                args=self.dev_cfg,
                autocast=self.autocast,
            )
            tokens = [[token for token in row if not token.startswith("<")] for row in decoded]
            if self.curve.add(self.clock.seconds, tokens) <= self.target:
                self.stats.is_max_update = True


def coder(hidden_dim: int, embedding_dim: int) -> dict[str, Any]:
    return {
        "type": "recurrent",
        "rnn_type": "gru",
        "hidden_size": hidden_dim,
        "num_layers": 1,
        "dropout": 0.0,
        "embeddings": {"embedding_dim": embedding_dim, "dropout": 0.0},
    }


def main() -> None:
    request = read_request()
    network, folder = request["spec"]["network"], request["exchange"]
    side = {"level": "word", "lowercase": False, "normalize": False, "max_length": 100}
    config = {
        "name": "cmudict",
        "model_dir": request["work"],
        "use_cuda": False,
        "random_seed": request["seed"],
        "data": {
            "train": f"{folder}/train",
            "dev": f"{folder}/sample",
            "dataset_type": "plain",
            "src": {**side, "lang": "source"},
            "trg": {**side, "lang": "target"},
        },
        "testing": {"beam_size": 1, "batch_size": 500, "max_output_length": 60, "eval_metrics": []},
        "training": {
            "optimizer": "adam",
            "learning_rate": request["learning_rate"],
            "learning_rate_min": 0.0,
            "scheduling": "exponential",  # 2.3.0 refuses a training without a schedule
            "decrease_factor": 1.0,
            "clip_grad_norm": 1.0,
            "batch_size": request["batch_size"],
            "batch_type": "sentence",
            "normalization": "batch",
            "epochs": request["max_epochs"],
            "updates": request["max_steps"],
            "validation_freq": request["every"],
            "logging_freq": request["every"],
            "early_stopping_metric": "loss",
            "shuffle": True,
        },
        "model": {
            "initializer": "xavier_uniform",
            "bias_initializer": "zeros",
            "init_rnn_orthogonal": True,
            "encoder": {**coder(network["hidden_dim"], network["embedding_dim"]), "bidirectional": True},
            "decoder": {
                **coder(network["hidden_dim"], network["embedding_dim"]),
                "hidden_dropout": 0.0,
                "input_feeding": True,
                "init_hidden": "bridge",
                "attention": "luong",
            },
        },
    }
    args = parse_global_args(config, rank=0, mode="train")
    model, train_data, dev_data, _ = prepare(args, rank=0, mode="train")
    manager = Timed(
        rank=0,
        model=model,
        model_dir=args.model_dir,
        device=args.device,
        autocast=args.autocast,
        seed=args.seed,
        train_args=args.train,
        dev_args=set_validation_args(args.test),
    )
    curve, clock = ErrorCurve(request["sample"]), Clock()
    manager.watch(curve, clock, target=request["target_error"])
    began = time.perf_counter()
    clock.start()
    manager.train_and_validate(train_data=train_data, valid_data=dev_data)
    clock.stop()
    answer(
        samples=manager.stats.total_tokens,
        seconds=clock.seconds,
        whole_seconds=time.perf_counter() - began,
        parameters=num_parameters(model),
        quality={"val/phoneme_error_rate": curve.points[-1][1]} if curve.points else {},
        curve=curve.points,
    )


if __name__ == "__main__":
    main()
