"""Where a result came from, and what was made from it.

  encdec lineage 1f0c2a9be4d2                   a run, by its id or the first characters of it
  encdec lineage models:/cnn@champion           a model in the registry
  encdec lineage data/05_models/cnn             data as they lie here now, also a file inside of them
  encdec lineage data/00_source/images          your own data: everything that was made from them
  encdec lineage 94e8bed79f27                   the digest that dvc.lock or another lineage shows
  encdec lineage models:/cnn@champion --json    the same for a program (docs/lineage.md)

Each line has the stage, the beginning of its run's id, when it ran, the commit (+changes: the tree had some, and
`encdec reproduce` has them), how it ended, its main number, and below it the data with the beginning of their digests.
"""

import argparse
import json
import sys

PIPE_WIDTH = 10_000
"""Characters of a line where no terminal would wrap it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="a run, a model's address, a digest, a file or a folder")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print nodes and edges as JSON")
    parser.add_argument(
        "--all", action="store_true", dest="every", help="show each run, also those with the same result as a later one"
    )


def run(reference: str, as_json: bool, every: bool) -> None:
    from encdec.tracking.here import open_store_here
    from encdec.tracking.lineage.chain import trace
    from encdec.tracking.lineage.history import History
    from encdec.tracking.store import reached

    store = open_store_here()
    with reached(store):
        lineage = trace(History(store), reference, every=every)
    if as_json:
        print(json.dumps(lineage.document(), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from encdec.tracking.lineage.tree import tree_of

    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    console.print(lineage.focus.said, style="dim", highlight=False)
    console.print(tree_of(lineage), highlight=False)
