"""Votes over several readings of one object, letter by letter, so that one bad reading has no effect."""

from collections import deque
from collections.abc import Hashable, Iterable
from typing import TypeVar

from tawny.model.reads import RecognisedText

LOOKS = 12
ENOUGH = 4
"""Number of equal readings after which the result is settled."""

_T = TypeVar("_T", bound=Hashable)


class ReadVotes:
    """Votes of one recognizer on one object. sure: minimum score of a vote."""

    def __init__(self, sure: float) -> None:
        self._sure = sure
        self._looks: deque[RecognisedText] = deque(maxlen=LOOKS)

    def vote(self, read: RecognisedText) -> None:
        if read.score >= self._sure:
            self._looks.append(read)

    @property
    def best(self) -> RecognisedText | None:
        """The current result; None while nothing was read."""
        looks = self._looks
        if not looks:
            return None
        who = _heaviest((one.who, one.score) for one in looks)
        if who:
            return max((one for one in looks if one.who == who), key=lambda one: one.score)
        length = _heaviest((len(one.text), one.score) for one in looks)
        same = [one for one in looks if len(one.text) == length]
        text = "".join(_heaviest((one.text[at], one.score) for one in same) for at in range(length))
        lowest = min(one.score for one in same)
        return RecognisedText(same[0].by, text, max((one.score for one in same if one.text == text), default=lowest))

    @property
    def is_settled(self) -> bool:
        best = self.best
        return best is not None and sum((one.text, one.who) == (best.text, best.who) for one in self._looks) >= ENOUGH


def _heaviest(votes: Iterable[tuple[_T, float]]) -> _T:
    """Return the item with the greatest sum of weights; of equal ones the first."""
    sums: dict[_T, float] = {}
    for one, weight in votes:
        sums[one] = sums.get(one, 0.0) + weight
    return max(sums, key=lambda one: sums[one])
