"""What the figures should be, and whether they are."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.cases import CASES, TITLES, Competitor
from benchmarks.results import Run, ratios

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
    case: str
    subject: Competitor
    base: Competitor
    what: str
    least: float
    found: float

    @property
    def met(self) -> bool:
        return self.found >= self.least


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
        values = ratios([run for run in runs if run.case == case], aim.subject, aim.base)
        if values:
            verdict.append(Verdict(case, aim.subject, aim.base, "throughput", aim.least, median(values)))
    return verdict


def time_to_error(peer: Competitor, least: float, runs: Sequence[Run]) -> list[Verdict]:
    """The ratio of the medians; a run that never got there has no time, and then there is no verdict."""
    times = {who: [run.seconds_to_target for run in runs if run.competitor == who] for who in ("project", peer)}
    known = {who: [each for each in values if each is not None] for who, values in times.items()}
    if not known["project"] or not known[peer] or len(known["project"]) < len(times["project"]):
        return []
    found = median(known[peer]) / median(known["project"])
    return [Verdict("seq2seq", "project", peer, "time to the error rate", least, found)]


def sentence(verdict: Verdict) -> str:
    return f"{TITLES[verdict.subject]} over {TITLES[verdict.base]}"
