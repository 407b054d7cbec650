"""Trains OpenNMT-py's recurrent model through its own `onmt_train`.

OpenNMT-py imports all of its transforms at once. Two of them, which are not used here, need spacy and fasttext: in the
place of each stands an empty module.
"""

import contextlib
import sys
import time
import types
from pathlib import Path
from typing import Any

for unused in ("spacy", "fasttext"):
    sys.modules[unused] = types.ModuleType(unused)

import torch
import yaml
from onmt.bin.train import _get_parser, train
from onmt.constants import DefaultTokens
from onmt.trainer import Trainer

from benchmarks.workers.common import Clock, ErrorCurve, answer, num_parameters, read_request

MAX_TOKENS = 60
EVALUATION_BATCH = 500


class ErrorReached(Exception):
    """Ends the training: OpenNMT-py has no other way to end it from a validation."""


class Watch:
    """Put in the place of Trainer's validation, which it calls every `valid_steps` steps."""

    def __init__(self, curve: ErrorCurve, *, target: float) -> None:
        self.curve, self.target = curve, target
        self.clock = Clock()
        self.tokens = 0
        self.parameters = 0

    def train(self, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        self.parameters = num_parameters(trainer.model)
        self.clock.start()
        try:
            return original_train(trainer, *args, **kwargs)
        finally:
            self.clock.stop()

    def accumulate(self, trainer: Any, batches: Any, *args: Any, **kwargs: Any) -> Any:
        for batch in batches:
            self.tokens += int((batch["tgt"][:, 1:, 0] != trainer.train_loss.padding_idx).sum())
        return original_accumulate(trainer, batches, *args, **kwargs)

    def validate(self, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        with self.clock.paused():
            trainer.model.eval()
            predictions = decode(trainer.model, trainer.scoring_preparator.vocabs, self.curve.sources)
            trainer.model.train()
            error = self.curve.add(self.clock.seconds, predictions)
        if error <= self.target:
            raise ErrorReached


@torch.no_grad()
def decode(model: Any, vocabs: Any, sources: list[list[str]]) -> list[list[str]]:
    """Greedy, with the model's own encoder, decoder and generator."""
    found: list[list[str]] = [[] for _ in sources]
    order = sorted(range(len(sources)), key=lambda place: -len(sources[place]))
    for start in range(0, len(order), EVALUATION_BATCH):
        places = order[start : start + EVALUATION_BATCH]
        lengths = torch.tensor([len(sources[place]) for place in places])
        ids = torch.full((len(places), int(lengths.max()), 1), vocabs["src"][DefaultTokens.PAD])
        for row, place in enumerate(places):
            ids[row, : lengths[row], 0] = torch.tensor([vocabs["src"][token] for token in sources[place]])
        enc_out, enc_final_hs, lengths = model.encoder(ids, lengths)
        model.decoder.init_state(ids, enc_out, enc_final_hs)
        last = torch.full((len(places), 1, 1), vocabs["tgt"][DefaultTokens.BOS])
        steps = []
        for step in range(MAX_TOKENS):
            dec_out, _ = model.decoder(last, enc_out, src_len=lengths, step=step)
            last = model.generator(dec_out).argmax(dim=-1, keepdim=True)
            steps.append(last[:, 0, 0])
        for place, row in zip(places, torch.stack(steps, dim=1).tolist(), strict=True):
            tokens = [vocabs["tgt"].lookup_index(one) for one in row]
            end = tokens.index(DefaultTokens.EOS) if DefaultTokens.EOS in tokens else len(tokens)
            found[place] = tokens[:end]
    return found


def main() -> None:
    request = read_request()
    network, folder, work = request["spec"]["network"], request["exchange"], Path(request["work"])
    paths = {"path_src": f"{folder}/train.source", "path_tgt": f"{folder}/train.target", "transforms": []}
    sample = {"path_src": f"{folder}/sample.source", "path_tgt": f"{folder}/sample.target", "transforms": []}
    config = {
        "data": {"corpus_1": paths, "valid": sample},
        "src_vocab": f"{folder}/vocabulary.source",
        "tgt_vocab": f"{folder}/vocabulary.target",
        "save_model": str(work / "model"),
        "encoder_type": "brnn",
        "decoder_type": "rnn",
        "rnn_type": "GRU",
        "hidden_size": request["hidden_dim"],
        "word_vec_size": network["embedding_dim"],
        "layers": 1,
        "global_attention": "general",
        "input_feed": int(request["input_feed"]),
        "dropout": [0.0],
        "optim": "adam",
        "learning_rate": request["learning_rate"],
        "max_grad_norm": 1.0,
        "batch_size": request["batch_size"],
        "batch_type": "sents",
        "normalization": "sents",
        "bucket_size": request["bucket_size"],
        "num_workers": request["num_workers"],
        "train_steps": request["max_steps"],
        "valid_steps": request["every"],
        "save_checkpoint_steps": request["max_steps"],
        "report_every": request["every"],
        "seed": request["seed"],
    }
    work.mkdir(parents=True, exist_ok=True)
    (work / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    watch = Watch(ErrorCurve(request["sample"]), target=request["target_error"])
    Trainer.train = lambda trainer, *args, **kwargs: watch.train(trainer, *args, **kwargs)
    Trainer.validate = lambda trainer, *args, **kwargs: watch.validate(trainer, *args, **kwargs)
    Trainer._gradient_accumulation = lambda trainer, *args, **kwargs: watch.accumulate(trainer, *args, **kwargs)
    options, _ = _get_parser().parse_known_args(["-config", str(work / "config.yaml")])
    began = time.perf_counter()
    with contextlib.suppress(ErrorReached):
        train(options)
    answer(
        samples=watch.tokens,
        seconds=watch.clock.seconds,
        whole_seconds=time.perf_counter() - began,
        parameters=watch.parameters,
        quality={"val/phoneme_error_rate": watch.curve.points[-1][1]} if watch.curve.points else {},
        curve=watch.curve.points,
    )


original_train, original_accumulate = Trainer.train, Trainer._gradient_accumulation

if __name__ == "__main__":
    main()
