"""A stage as a process of its own, for tests of a server that dies. A line on stdin is a step; argv: steps, mode."""

import sys
from pathlib import Path

import numpy as np
import torch

from encdec.cards import ImageCard
from encdec.command import call
from encdec.models.build import build_network
from encdec.models.storage import save_model
from encdec.outs import whole_folder
from encdec.params.loading import load_params
from encdec.tracking import stage as stages

CARD = ImageCard(kind="images", source="digits", channels=1, height=8, width=8, pixel_max=16, classes=("a", "b"))
VALUES = {"training.learning_rate": 1e-3, "training.weight_decay": 1e-5}


def main(steps: str, mode: str) -> None:
    if mode == "impatient":
        stages.PATIENCE_SECONDS = 1.0
    loaded, out = load_params(Path("params.yaml")), Path("out")
    with stages.tracked_stage(
        "tune", loaded=loaded, item="vae", inputs=[], outputs=[out], section={"beta": 1.0}
    ) as run:
        print(run.run_id, flush=True)
        first = run.child("trial 1")
        for step in range(int(steps)):
            if not sys.stdin.readline():
                break
            run.log_metrics({"val/nll": 1.0 / (step + 1)}, step=step)
            if step == int(steps) // 2:
                first.log_metrics({"val/nll": 0.5}, step=0)
                first.end("COMPLETE", {})
                second = run.child("trial 2")
                second.log_metrics({"val/nll": 0.5}, step=0)
                second.end("PRUNED", {})
            print(f"step {step}", flush=True)
        torch.manual_seed(0)
        spec = loaded.resolve("vae", VALUES)
        with whole_folder(out) as folder:
            save_model(folder, name="vae", spec=spec, card=CARD, network=build_network("vae", spec, CARD))
        with whole_folder(Path("figures")) as folder:
            (folder / "curve.png").write_bytes(b"a picture")
        run.log_artifact(Path("figures"))
        run.log_model(out, example=np.full((2, 1, 8, 8), 0.5, dtype=np.float32))


if __name__ == "__main__":
    call(main, steps=sys.argv[1], mode=sys.argv[2])
