"""What the figures should be, and whether they are."""

from collections.abc import Sequence
from math import hypot
from statistics import median
from typing import NamedTuple

from benchmarks.cases import CASES, TITLES, Competitor
from benchmarks.results import Run, mean_and_deviation, ratios

CONVOLUTIONAL_AND_PAIRS = ("cnn", "conv_vae", "seq2seq")
EVERY_CASE = tuple(case.name for case in CASES)
MLPS = ("autoencoder", "wide_autoencoder", "small_autoencoder", "vae")


class Aim(NamedTuple):
    """`subject` is at least `least` times as fast as `base`, each round by itself and then the median."""

    subject: Competitor
    base: Competitor
    cases: tuple[str, ...]
    least: float


class Verdict(NamedTuple):
    """`found`: the ratio of each round. `worse`: the subject's quality is worse than the base's beyond their spread."""

    case: str
    subject: Competitor
    base: Competitor
    what: str
    least: float
    found: list[float]
    worse: bool

    @property
    def middle(self) -> float:
        return median(self.found)

    @property
    def told(self) -> str:
        if self.worse:
            return "worse quality"
        by_median = "" if min(self.found) >= self.least or max(self.found) < self.least else " by the median"
        return f"{'met' if self.middle >= self.least else 'missed'}{by_median}"


AIMS = (
    Aim("project_strict", "bare_adam", tuple(name for name in EVERY_CASE if name != "small_autoencoder"), 1.0),
    Aim("project_strict", "bare_adam", ("small_autoencoder",), 0.95),
    Aim("project_strict", "bare_fused", CONVOLUTIONAL_AND_PAIRS, 0.95),
    Aim("project", "bare_adam", ("cnn",), 2.0),
    Aim("project", "bare_adam", tuple(name for name in EVERY_CASE if name != "cnn"), 1.5),
    Aim("project", "pythae", MLPS, 2.0),
    Aim("project", "pythae", ("conv_vae",), 1.4),
    Aim("project", "pyod", MLPS, 2.0),
)
TIME_AIMS: tuple[tuple[Competitor, float], ...] = (("joeynmt", 3.0), ("opennmt", 2.0), ("opennmt_input_feed", 2.0))
"""How many times as long as this project a peer takes at least until the error rate is reached."""


def verdicts(runs: Sequence[Run]) -> list[Verdict]:
    """Every aim that was measured, case by case in the order of the cases."""
    found = [each for aim in AIMS for each in throughput(aim, runs)]
    found += [each for peer, least in TIME_AIMS for each in time_to_error(peer, least, runs)]
    return sorted(found, key=lambda verdict: EVERY_CASE.index(verdict.case))


def throughput(aim: Aim, runs: Sequence[Run]) -> list[Verdict]:
    verdict = []
    for case in aim.cases:
        own = [run for run in runs if run.case == case]
        values = ratios(own, aim.subject, aim.base)
        if values:
            worse = is_worse(own, aim.subject, aim.base)
            verdict.append(Verdict(case, aim.subject, aim.base, "throughput", aim.least, values, worse))
    return verdict


def is_worse(runs: Sequence[Run], subject: Competitor, base: Competitor) -> bool:
    """Whether the mean of the subject's metric, of which less is better, lies above the base's and both spreads."""
    ours, theirs = ([run.value for run in runs if run.competitor == who] for who in (subject, base))
    known = [[value for value in values if value is not None] for values in (ours, theirs)]
    if not all(known):
        return False
    (mean, deviation), (other, others_deviation) = (mean_and_deviation(values) for values in known)
    return mean - other > hypot(deviation, others_deviation)


def time_to_error(peer: Competitor, least: float, runs: Sequence[Run]) -> list[Verdict]:
    """How long a peer took, in medians of this project's time. A peer that never got there took all of its time.

    Where a run of this project never got there the aim is missed, with a ratio of 0.
    """
    pairs = [run for run in runs if run.case == "seq2seq"]
    ours, theirs = ([run for run in pairs if run.competitor == who] for who in ("project", peer))
    if not ours or not theirs:
        return []
    times = [run.seconds_to_target for run in ours if run.seconds_to_target is not None]
    found = [0.0]
    if len(times) == len(ours):
        found = [(run.seconds_to_target or run.seconds) / median(times) for run in theirs]
    return [Verdict("seq2seq", "project", peer, "time to the error rate", least, found, worse=False)]


def sentence(verdict: Verdict) -> str:
    return f"{TITLES[verdict.subject]} over {TITLES[verdict.base]}"
