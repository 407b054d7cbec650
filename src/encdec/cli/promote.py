"""Make a trained model the champion of its name in the MLflow registry, if it passes the gate.

  encdec promote cnn                             the model that lies in the project, as of dvc.lock
  encdec promote all                             each model that is switched on, one after the other
  encdec promote cnn --dry-run                   the same checks; nothing is written and nothing moves
  encdec promote models:/cnn/3                   an older version, judged anew on the test data of now
  encdec promote runs:/0123abcd --note "retrained on May's data"

The gate is the section `promotion` of params.yaml: floors for metrics, no clear loss against the champion (a paired
bootstrap on the same test rows), a good validation, budgets of latency and size, and the tests of tests/model. What
somebody rolled back is refused, until `encdec rollback` brings it back or --again is given. Every check is made, also
after one that failed. The decision is kept as a run of MLflow (promotion/decision.json and promotion/decision.html) and
as tags of the version, refused or not.

Aliases: `challenger` is the version that is being judged or was refused, `champion` the one in use, `previous` the
champion before it. models:/cnn@champion is an address wherever this project takes one.

Status: 0 accepted, or the champion already; 10 refused; 1 an error, and the champion is as it was.
"""

import argparse
import sys

from encdec.github import fenced, hand_on

REFUSED = 10
ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="MODEL", help="a model of params.yaml, all of them, or models:/NAME/VERSION, runs:/ID, .."
    )
    parser.add_argument("--dry-run", action="store_true", help="judge it, but write nothing and move nothing")
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="print each decision as JSON, and nothing else"
    )
    parser.add_argument("--note", metavar="TEXT", help="why; kept with the decision")
    parser.add_argument(
        "--replace-incomparable",
        action="store_true",
        help="accept it also where the champion cannot be measured on this test data (other classes, another source)",
    )
    parser.add_argument(
        "--other-data",
        action="store_true",
        help="accept it also where it was trained on other data than there is now, so that it may have seen test rows",
    )
    parser.add_argument(
        "--again", action="store_true", help="accept it also where it was rolled back, or a retraining refused it"
    )


def run(
    *,
    target: str,
    dry_run: bool,
    as_json: bool,
    note: str | None,
    replace_incomparable: bool,
    other_data: bool,
    again: bool,
) -> None:
    from encdec.params.loading import load_params
    from encdec.params.root import MODEL_NAMES
    from encdec.promotion.promote import promote
    from encdec.promotion.request import Request
    from encdec.promotion.terminal import decision_text
    from encdec.tracking.here import open_store_here

    store = open_store_here()
    params = load_params(store.project.tree / "params.yaml").params
    targets = [name for name in MODEL_NAMES if params.model_enabled(name)] if target == ALL else [target]
    refused = False
    for each in targets:
        outcome = promote(store, params, Request(each, dry_run, note, replace_incomparable, other_data, again))
        text = decision_text(outcome)
        if not as_json:
            print(text, flush=True)
        elif outcome.decision is not None:
            print(outcome.decision.text(), end="", flush=True)
        else:
            print("null", flush=True)
            print(outcome.said, file=sys.stderr)
        hand_on(fenced(text), {})
        refused |= outcome.decision is not None and not outcome.decision.accepted
    if refused:
        sys.exit(REFUSED)
