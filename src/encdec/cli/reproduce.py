"""Make the result of a run again, and say whether it is the same to the byte.

  encdec reproduce 1f0c2a9be4d2                 the stage of a run, from the data that it read
  encdec reproduce models:/cnn@champion --all   and everything before it, from the source on
  encdec reproduce data/05_models/cnn           what lies here now

The commit of the run, with the uncommitted changes that it had, is checked out beside your tree, which stays as it is;
the data come from DVC's cache or its remote, and what is nowhere any more is made again. Then the stages run with the
Python that you run this with, and every out is held against the digest of then. What differs is named: the file, the
first value, and what around it has changed since (packages, processor). The verdict is kept with the run, as the tag
encdec.reproduced. Status 0: identical; 1: different, or an error.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from encdec.tracking.reproduction.verdict import Verdict

DIGEST_CHARACTERS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF", help="a run, a model's address, a digest, a file or a folder")
    parser.add_argument("--all", action="store_true", dest="everything", help="run all stages that it came from, too")
    parser.add_argument("--keep", action="store_true", help="leave the worktree, to look at it")
    parser.add_argument(
        "--without-changes",
        action="store_true",
        help="run the commit alone, where the tree had changes that were not kept",
    )
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the verdict as JSON")


def run(reference: str, everything: bool, keep: bool, without_changes: bool, as_json: bool) -> None:
    from encdec.tracking.here import open_store_here
    from encdec.tracking.reproduction.reproduce import reproduce, tag_verdict
    from encdec.tracking.store import reached

    store = open_store_here()
    with reached(store):
        found = reproduce(store, reference, everything=everything, without_changes=without_changes, keep=keep)
    print(json.dumps(found.document(), indent=2, ensure_ascii=False) if as_json else told(found), flush=True)
    with reached(store):
        tag_verdict(store, found)
    if not found.identical:
        sys.exit(1)


def told(found: "Verdict") -> str:
    """The verdict in lines for a person."""
    word = "identical" if found.identical else "different"
    lines = [f"{word}: {found.stage} of run {found.run_id} at commit {found.commit[:DIGEST_CHARACTERS]}"]
    lines.append(f"  ran again: {', '.join(found.ran)}")
    for out in found.outs:
        now = "" if out.identical else f", now {(out.now or 'nothing')[:DIGEST_CHARACTERS]}"
        lines.append(f"  {'=' if out.identical else '≠'} {out.path} {out.then[:DIGEST_CHARACTERS]}{now}")
        lines += [f"      {sentence}" for sentence in out.differences]
    if found.reasons:
        lines += ["  why:", *(f"    {reason}" for reason in found.reasons)]
    elif found.changed:
        lines += ["  though this has changed since:", *(f"    {sentence}" for sentence in found.changed)]
    if found.tree:
        lines.append(f"  kept: {found.tree} (remove it with: git worktree remove --force {found.tree})")
    return "\n".join(lines)
