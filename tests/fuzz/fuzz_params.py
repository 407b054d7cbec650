"""Any bytes as params.yaml: checked parameters, or every mistake in words; and no value is ever made by a tag."""

from pathlib import Path

import atheris
from harness import fuzz

with atheris.instrument_imports(include=["encdec", "ruamel.yaml"]):
    from encdec.params.loading import load_params
    from encdec.params.yaml_file import read_yaml

PLAIN = (str, int, float, bool, type(None))


def read(path: Path) -> None:
    hold_plain(read_yaml(path))
    load_params(path)


def hold_plain(value: object) -> None:
    if isinstance(value, dict):
        assert all(isinstance(key, str) and key.isprintable() for key in value), value
        for child in value.values():
            hold_plain(child)
    elif isinstance(value, list):
        for child in value:
            hold_plain(child)
    else:
        assert isinstance(value, PLAIN) or type(value).__module__ in ("datetime", "ruamel.yaml.timestamp"), value


SEEDS = [
    "seed: 7\naccelerator: cpu\nthreads: 1\nmodels:\n  cnn: {enabled: true, network: {channels: [8, 16]}}\n",
    "models:\n  vae:\n    beta: {search: {low: 1.0e-4, high: 1.0}}\n    tuning: {search: {choices: [a, 1]}}\n",
    "images:\n  enabled: true # a note\n  source: folder\n  sources:\n    folder: {classes: [a, b], height: 8}\n",
    "evaluation: {top_k: 3, confidence: .inf}\ntracking:\n  experiment: 'a ''b'' \"c\"'\n",
    "a: &x {b: 1}\nc: *x\n<<: *x\nd: !!python/object/apply:os.system [x]\n",
    "? [a]\n: |\n  two\n  lines\n? b\n: >-\n  2024-01-02 03:04:05Z\n--- \n%YAML 1.1\n",
    '"\\ud800\\0\\x1b": 0x1F\n0o17: 1_000\n~: -.nan\n',
]

if __name__ == "__main__":
    fuzz(read, name="params.yaml", seeds=[seed.encode() for seed in SEEDS])
