"""Runs benchmarks of the pipeline, one after the other, and puts what they print into docs/benchmarks.md.

    python -m benchmarks.record                  # all of them
    python -m benchmarks.record overhead noop    # these

Each is a process of its own, whose words are shown as they come. Training has `make bench`.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping

import torch

from benchmarks.document import put_section
from benchmarks.machine import processor
from benchmarks.places import PAGE

SLOWER_THAN_MEANT = ("autoencoder", "wide_autoencoder", "small_autoencoder", "denoising_autoencoder", "vae", "conv_vae")
"""The cases of `make bench` that miss an aim: where their time goes is in the docs."""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    **{f"steps_{case}": ("benchmarks.steps", "--model", case) for case in SLOWER_THAN_MEANT},
    "overhead": ("benchmarks.overhead",),
    "tracking": ("benchmarks.overhead", "--tracking", "vae", "--steps", "16000"),
    "slow_server": ("benchmarks.slow_server",),
    "noop": ("benchmarks.noop",),
    "validation": ("benchmarks.validation",),
    "ingest": ("benchmarks.ingest",),
    "streaming": ("benchmarks.streaming", "--rounds", "1"),
    "batching": ("benchmarks.batching",),
    "serving": ("benchmarks.serving",),
    "evaluation": ("benchmarks.evaluation",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"some of {', '.join(COMMANDS)} (all)")
    names = parser.parse_args().name or list(COMMANDS)
    for name in names:
        if name not in COMMANDS:
            parser.error(f"there is no benchmark {name!r}: give some of {', '.join(COMMANDS)}")
    for name in names:
        print(f"== {shown(name)}", flush=True)
        done = subprocess.run([sys.executable, "-m", *COMMANDS[name]], stdout=subprocess.PIPE, text=True)
        print(done.stdout, flush=True)
        if done.returncode:
            sys.exit(f"{shown(name)}: ended with {done.returncode}; {PAGE.name} keeps what it had of it")
        put_section(PAGE, name, section(name, done.stdout))


def shown(name: str) -> str:
    return f"python -m {' '.join(COMMANDS[name])}"


def section(name: str, printed: str) -> str:
    machine = f"{processor()}, Python {sys.version.split()[0]}, torch {torch.__version__}"
    return f"`{shown(name)}` on {machine}:\n\n```text\n{printed.strip()}\n```"


if __name__ == "__main__":
    main()
