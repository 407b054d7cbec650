"""How far apart calls are that cost time: to a slow store, to a slow disk."""

from collections import deque
from statistics import median_low

COMPARED = 9
"""Calls, the last ones: their median says what one takes, for what was slow once says nothing about the next."""
LONGEST_SECONDS = 900.0
"""Between two calls, however slow they are."""


class Pauses:
    """After each call a pause of `shortest` seconds, or a longer one, so that a usual call takes at most `share` of it.

    The share of all the time is larger where few calls take much longer than the median: `share` should leave room.
    """

    def __init__(self, shortest: float, *, share: float) -> None:
        self.shortest = shortest
        self.share = share
        self.took: deque[float] = deque(maxlen=COMPARED)

    @property
    def usual(self) -> float:
        """The seconds that a usual call takes; 0 before the first."""
        return median_low(self.took) if self.took else 0.0

    def after(self, took: float) -> float:
        """The seconds to wait after a call that took so many."""
        self.took.append(took)
        return max(self.shortest, min(self.usual / self.share, LONGEST_SECONDS))

    def forget(self) -> None:
        """From now on calls are others, and what they took says nothing about them."""
        self.took.clear()
