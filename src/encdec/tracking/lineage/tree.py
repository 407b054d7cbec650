"""A lineage as a tree for a terminal, or for a pipe, where no line is cut."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from encdec.tracking.lineage.chain import Lineage
from encdec.tracking.lineage.step import Step

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

SHORT = 8
"""Characters of an id, a commit or a digest that are shown; `encdec lineage` takes them again."""
MOST = 20
"""Results of one stage that hang below the same data; the JSON has all."""


Children = Mapping[str, Sequence[str]]
Data = Mapping[str, Mapping[str, str]]
"""Of each step, the digests to show, by path."""


def tree_of(lineage: Lineage) -> "Tree":
    """The focus, with what it was made from and what was made from it; each step hangs once, as far down as it can."""
    from rich.tree import Tree

    step, only = lineage.focus.step, lineage.focus.only
    tree = Tree(line_of(step, {path: digest for path, digest in step.outs.items() if not only or path in only}))
    add_versions(tree, lineage, step)
    above = [(edge.target, edge.source, edge) for edge in lineage.above]
    below = [(edge.source, edge.target, edge) for edge in lineage.below]
    for links, some, none in (
        (above, "made from", "made from nothing that is tracked"),
        (below, "made into", "nothing was made from it"),
    ):
        branch = tree.add(some if links else none)
        data: dict[str, dict[str, str]] = {}
        for _, key, edge in links:
            data.setdefault(key, {})[edge.path] = edge.digest
        grow(branch, lineage, step.key, children=hung(step.key, [link[:2] for link in links]), data=data)
    return tree


def grow(
    tree: "Tree", lineage: Lineage, key: str, *, children: Children, data: Mapping[str, Mapping[str, str]]
) -> None:
    count = Counter[str]()
    for child in children.get(key, ()):
        step = lineage.steps[child]
        count[step.label] += 1
        if count[step.label] <= MOST or child in lineage.versions:
            branch = tree.add(line_of(step, data[child]))
            add_versions(branch, lineage, step)
            grow(branch, lineage, child, children=children, data=data)
    for label, number in count.items():
        if number > MOST:
            tree.add(f"{number} results of {label}, the last {MOST} and those in the registry shown (--json has all)")


def add_versions(tree: "Tree", lineage: Lineage, step: Step) -> None:
    for version in lineage.versions.get(step.key, ()):
        tree.add(version_line(version.name, version.version, version.aliases))


def hung(root: str, links: Sequence[tuple[str, str]]) -> Children:
    """What hangs below what: of all steps that it could hang below, each takes the one furthest from the root.

    So a model hangs below its study and not beside it, though both read the same data.

    Args:
        links: which step may hang below which, as (upper, lower).
    """
    lower: dict[str, list[str]] = {}
    for upper, key in links:
        if key not in lower.setdefault(upper, []):
            lower[upper].append(key)
    order = ordered(root, lower)
    place = {key: number for number, key in enumerate(order)}
    depth, parent = {root: 0}, dict[str, str]()
    for upper in order:
        for key in lower.get(upper, ()):
            if place[key] > place[upper] and depth[upper] + 1 > depth.get(key, 0):
                depth[key], parent[key] = depth[upper] + 1, upper
    children: dict[str, list[str]] = {}
    for key in dict.fromkeys(key for _, key in links):
        if key in parent:
            children.setdefault(parent[key], []).append(key)
    return children


def ordered(root: str, lower: Mapping[str, Sequence[str]]) -> list[str]:
    """From the root on, each step after those that it may hang below; a circle is cut somewhere."""
    done: list[str] = []
    seen = {root}
    waiting = [(root, iter(lower.get(root, ())))]
    while waiting:
        key, rest = waiting[-1]
        new = next((each for each in rest if each not in seen), None)
        if new is None:
            done.append(key)
            waiting.pop()
        else:
            seen.add(new)
            waiting.append((new, iter(lower.get(new, ()))))
    return done[::-1]


def line_of(step: Step, data: Mapping[str, str]) -> "Text":
    """stage run · when · commit · status · result, and the data with the beginning of their digests."""
    from rich.text import Text

    files = ", ".join(f"{path} {digest[:SHORT]}" for path, digest in data.items())
    if step.kind == "data":
        return Text.assemble((files, "cyan"), (" (no stage made it)", "dim"))
    line = Text.assemble((step.label, "bold"))
    if step.run is None:
        line.append(" (in dvc.lock: restored from DVC's cache or remote, made elsewhere)", "yellow")
    else:
        line.append(f" {step.run.info.run_id[:SHORT]}")
        if step.kind == "restored":
            line.append(" (restored from DVC's cache or remote, made elsewhere)", "yellow")
    parts = [step.began.astimezone().strftime("%Y-%m-%d %H:%M")] if step.began else []
    if step.commit:
        parts.append(f"commit {step.commit[:SHORT]}{'+changes' if step.dirty else ''}")
    if step.run is not None and step.kind == "run":
        parts.append(step.run.info.status)
    parts += [step.result] if step.result else []
    if step.others:
        parts.append(f"and {step.others} more {'run' if step.others == 1 else 'runs'} with the same result")
    line.append("".join(f" · {part}" for part in parts))
    return line.append(f"\n{files}", "cyan")


def version_line(name: str, version: str, aliases: tuple[str, ...]) -> "Text":
    from rich.text import Text

    line = Text.assemble((f"models:/{name}/{version}", "bold green"))
    return line.append("".join(f" @{alias}" for alias in aliases))
