"""Bring the bytes of an HTTP address into a file, again and again until they are there. Nothing is verified here."""

from random import uniform
from time import monotonic, sleep
from typing import NamedTuple

from encdec.progress import note, progress, size
from encdec.sources.answers import begin, continues
from encdec.sources.partial import Part
from encdec.sources.stream import BrokenError, RefusedError, Stream


class Limits(NamedTuple):
    """All in seconds but `tries`.

    `total_s`: for one file, all tries and waits counted. `stall_s`: without an answer, or without a byte of it.
    `first_wait_s`: before the second try, doubled before each further one. `longest_wait_s`: of any wait, also of one
    that the server asks for. `tries`: in a row that bring less than ENOUGH_BYTES.
    """

    total_s: float
    stall_s: float
    first_wait_s: float
    longest_wait_s: float
    tries: int


LIMITS = Limits(total_s=1800.0, stall_s=30.0, first_wait_s=0.5, longest_wait_s=120.0, tries=5)
ENOUGH_BYTES = 1 << 18  # a try that brought as much was worth it, and does not count as a failure
JITTER = 0.25  # of a wait: those who were turned away together do not come back together


class Deadline:
    """When all must be done."""

    def __init__(self, limits: Limits) -> None:
        self.total_s = limits.total_s
        self.end = monotonic() + limits.total_s

    @property
    def left_s(self) -> float:
        return self.end - monotonic()

    def check(self, url: str, part: Part) -> None:
        if self.left_s <= 0:
            raise RefusedError(f"the time limit of {self.total_s:.3g} s is over{kept(url, part)}")


def transfer(url: str, part: Part, *, label: str, max_bytes: int, deadline: Deadline) -> None:
    """Append to `part` what it lacks, or fill it anew where it cannot be continued. What came stays, also on failure.

    Args:
        label: what to call it in front of people.
        max_bytes: more than these are not taken, whatever the server announces.

    Raises:
        RefusedError: the server refused, every try broke off, or the time was over.
        StorageError: the bytes could not be stored.
    """
    failures = tries = 0
    while True:
        before = part.length
        tries += 1
        try:
            return receive(url, part, label=label, max_bytes=max_bytes, deadline=deadline)
        except BrokenError as error:
            deadline.check(url, part)
            failures = 0 if part.length >= before + ENOUGH_BYTES else failures + 1
            if failures == LIMITS.tries:
                raise RefusedError(f"{error} (after {tries} tries){kept(url, part)}") from error
            wait_s = wait_before(max(failures, 1), retry_after_s=error.retry_after_s)
            if wait_s >= deadline.left_s:
                told = f"the next try, in {wait_s:.1f} s, would come after the time limit of {deadline.total_s:.3g} s"
                raise RefusedError(f"{error}; {told}{kept(url, part)}") from error
            note(f"{label}: {error}; next try in {wait_s:.1f} s")
            sleep(wait_s)


def wait_before(failures: int, *, retry_after_s: float) -> float:
    """Seconds until the next try, after so many failures in a row (from 1)."""
    own = LIMITS.first_wait_s * 2.0 ** (failures - 1) * uniform(1 - JITTER, 1 + JITTER)
    return min(max(own, retry_after_s), LIMITS.longest_wait_s)


def receive(url: str, part: Part, *, label: str, max_bytes: int, deadline: Deadline) -> None:
    origin, have = part.origin(url), part.length
    if origin and origin.total == have:
        return  # broken off after the last byte
    # If-Range: the rest if the file is still the same version, else the whole.
    headers = {"Range": f"bytes={have}-", "If-Range": origin.validator} if origin else {}
    with Stream(url, headers, stall_s=LIMITS.stall_s) as stream:
        answer = stream.answer(within_s=deadline.left_s)
        if not (origin and continues(answer, origin, part)):
            origin, have = begin(answer, url, part, max_bytes=max_bytes), 0
        began, before = monotonic(), have
        with part.open() as append, progress(label, done=have, total=origin.total, unit="bytes") as meter:
            while block := stream.block(within_s=deadline.left_s):
                have += len(block)
                if have > max_bytes:
                    part.drop()
                    raise RefusedError(f"sends more than the {max_bytes} bytes that it can have")
                append(block)
                meter.advance(len(block))
    if origin.total not in (None, have):
        raise BrokenError(f"ended after {have} of {origin.total} bytes")
    seconds = max(monotonic() - began, 1e-3)
    note(f"{label}: {size(have)} in {seconds:.1f} s, {size((have - before) / seconds)}/s")


def kept(url: str, part: Part) -> str:
    if part.origin(url) is None:
        return ""
    return f"; {size(part.length)} of it are kept, and the next download goes on from there"
