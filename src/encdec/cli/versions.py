"""List the registered versions of a model: aliases, what the gate decided, and why.

encdec versions cnn
"""

import argparse

from encdec.params.root import MODEL_NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=MODEL_NAMES, metavar="MODEL", help=", ".join(MODEL_NAMES))


def run(*, model: str) -> None:
    from pathlib import Path

    from encdec.params.loading import load_params
    from encdec.promotion.versions import versions_text
    from encdec.tracking.project import find_project
    from encdec.tracking.store import open_store, reached

    project = find_project(Path.cwd())
    params = load_params(project.tree / "params.yaml").params
    store = open_store(params.tracking.experiment, project)
    with reached(store):
        print(versions_text(store, model))
