"""Put the previous champion of a model back.

  encdec rollback cnn --note "too many sevens"   champion and previous change places
  encdec rollback cnn                            a second time: it is as it was
  encdec rollback cnn --to 2                     to a version that the gate accepted once

The decision is kept as a run of MLflow and as tags of the version that was left, as those of `encdec promote` are. The
gate refuses what was left, until a rollback brings it back or `encdec promote --again` does.
"""

import argparse

from encdec.github import fenced, hand_on
from encdec.params.root import MODEL_NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=MODEL_NAMES, metavar="MODEL", help=", ".join(MODEL_NAMES))
    parser.add_argument("--to", type=int, metavar="VERSION", help="another version than the previous champion")
    parser.add_argument("--note", metavar="TEXT", help="why; kept with the decision")


def run(*, model: str, to: int | None, note: str | None) -> None:
    from encdec.promotion.rollback import rollback
    from encdec.promotion.terminal import decision_text
    from encdec.tracking.here import open_store_here

    store = open_store_here()
    text = decision_text(rollback(store, model, to=to, note=note))
    print(text)
    hand_on(fenced(text), {})
