"""The trainings of a group that differ in their seed alone, and what they come to: means and standard deviations."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from encdec.tracking.seeds.groups import EVALUATION_GROUP_TAG, GROUP_TAG
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

SUMMED_UP = ("test/", "baseline/", "best_")
COUNTED = ("epochs", "num_parameters", "train_seconds")
SHARED_TAGS = ("model", "kind", "source", "monitor", "tuned", "headline.metric", "headline.better", "git.commit")
TAGS = {*SHARED_TAGS, "headline.verdict", "headline.baseline", "seeds"}
OUT_PREFIX = "dvc.out/"


class Member(NamedTuple):
    """One seed: its row. `weights`: the digests of what it made."""

    seed: int
    run: "Run"
    weights: str

    @property
    def metrics(self) -> dict[str, float]:
        """Those that have a mean over seeds; a curve has none."""
        found = self.run.data.metrics.items()
        return {name: value for name, value in found if name.startswith(SUMMED_UP) or name in COUNTED}


def members(store: Store, group: str) -> dict[str, list[Member]]:
    """The trained and evaluated rows of a group by the group of their evaluation, in the order of their seeds.

    The newest run of a seed stands for it, and of runs with the same weights the newest.
    """
    found: dict[str, list[Member]] = {}
    for run in search(store, f"tags.stage = 'train' and tags.{GROUP_TAG} = '{group}'"):
        tags, seed = run.data.tags, run.data.params.get("seed")
        if run.info.status != "FINISHED" or EVALUATION_GROUP_TAG not in tags or seed is None:
            continue
        weights = " ".join(tag for name, tag in sorted(tags.items()) if name.startswith(OUT_PREFIX))
        known = found.setdefault(tags[EVALUATION_GROUP_TAG], [])
        if not any(each.seed == int(seed) or each.weights == weights for each in known):
            known.append(Member(int(seed), run, weights))
    return {name: sorted(each, key=lambda member: member.seed) for name, each in found.items()}


def statistics_of(seeds: Sequence[Member]) -> dict[str, float]:
    """The mean of each number that all of them have, its sample standard deviation (n - 1), and how many they are."""
    return {"num_seeds": float(len(seeds)), **dict(means([member.metrics for member in seeds]))}


def means(found: Sequence[Mapping[str, float]]) -> Iterator[tuple[str, float]]:
    for name in sorted(set.intersection(*(set(each) for each in found))):
        values = [each[name] for each in found]
        finite = all(math.isfinite(value) for value in values)
        yield name, statistics.fmean(values) if finite else math.nan
        yield f"{name}/std", statistics.stdev(values) if finite else math.nan


def shared_params(seeds: Sequence[Member]) -> dict[str, str]:
    """The parameters that every seed has by its group; what each tuned for itself, and the seed, differ.

    A value that was tuned is none of them even where all came to the same: MLflow lets nobody take a parameter back,
    and the next seed may differ.
    """
    tuned = {"seed", *", ".join(member.run.data.tags.get("tuned", "") for member in seeds).split(", ")}
    first, *others = (member.run.data.params for member in seeds)
    return {
        name: value
        for name, value in first.items()
        if name not in tuned and all(each.get(name) == value for each in others)
    }


def shared_tags(seeds: Sequence[Member]) -> dict[str, str]:
    """What holds for all; the verdict beside the baseline is unclear where they do not agree."""
    first, *others = (member.run.data.tags for member in seeds)
    agreed = (name for name in SHARED_TAGS if name in first and all(tags.get(name) == first[name] for tags in others))
    tags = {name: first[name] for name in agreed}
    verdicts = {member.run.data.tags.get("headline.verdict", "") for member in seeds}
    opponents = {member.run.data.tags.get("headline.baseline", "") for member in seeds}
    if verdicts != {""}:
        tags["headline.verdict"] = verdicts.pop() if len(verdicts) == 1 else "unclear"
    if opponents != {""}:
        tags["headline.baseline"] = ", ".join(sorted(opponents - {""}))
    return {**tags, "seeds": ", ".join(str(member.seed) for member in seeds)}
