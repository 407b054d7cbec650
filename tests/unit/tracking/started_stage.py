"""A stage as a process of its own, for tests that kill it: argv is params.yaml, then how to behave."""

import sys
import time
from pathlib import Path

from encdec.params.loading import load_params
from encdec.tracking.stage import tracked_stage

STEPS = 6


def main(params: Path, mode: str) -> None:
    with tracked_stage(
        "tune", loaded=load_params(params), item="vae", inputs=[Path("in")], outputs=[Path("out")], section={"a": 1}
    ) as run:
        print(run.run_id, flush=True)
        trial = run.child("trial 0")
        for step in range(STEPS):
            run.outbox.next_send = 0.0  # every step is sent at once, as if it had taken a second
            run.log_metrics({"val/nll": 1.0 / (step + 1)}, step=step)
            if mode == "hang" and step == 2:
                print("waiting", flush=True)
                time.sleep(60)
        trial.log_metrics({"val/nll": 1.0}, step=0)
        trial.end("COMPLETE", {})
        Path("out").mkdir(exist_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
