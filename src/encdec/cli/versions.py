"""List the registered versions of a model: aliases, what the gate decided, and why.

encdec versions cnn
"""

import argparse

from encdec.params.root import MODEL_NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=MODEL_NAMES, metavar="MODEL", help=", ".join(MODEL_NAMES))


def run(*, model: str) -> None:
    from encdec.promotion.versions import versions_text
    from encdec.tracking.here import open_store_here
    from encdec.tracking.store import reached

    store = open_store_here()
    with reached(store):
        print(versions_text(store, model))
