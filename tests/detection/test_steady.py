"""A detector of a camera that is moved: it is made again, and its track numbers go on."""

from typing import Any, ClassVar

import numpy as np

from tawny.detection.detector import SteadyDetector
from tawny.model.observations import Frame, Look, Observation, RecognisedText
from tests.support.scenes import PictureFrame

PICTURE = np.zeros((90, 160), np.uint8)
BOX = (0.4, 0.4, 0.6, 0.6)
READ = RecognisedText("plates", "BAB123", 0.9)


class Numbering:
    """At each look three more objects, whose numbers begin with 1, and one without a track."""

    name: ClassVar[str] = "numbering"

    def __init__(self) -> None:
        self._last = 0

    def look(self, frame: Frame) -> Look:
        n, self._last = self._last + 1, self._last + 3
        seen = (thing(n), thing(0))
        return Look(80, seen, over=(thing(n + 1),), near=(thing(n + 2),), reads=((n, READ), (0, READ)))


def thing(track: int) -> Observation:
    return Observation("motion", 0.8, BOX, track)


def numbers(things: Any) -> list[int]:
    return [one.track for one in things]


def test_no_track_number_comes_again_after_a_move() -> None:
    moves_ms = {2, 5}
    detector = SteadyDetector(Numbering(), Numbering, moves_ms.__contains__)
    looks = [detector.look(PictureFrame(PICTURE, at_ms)) for at_ms in range(8)]
    looks = [look for look in looks if look.seen]  # none while it moves
    assert [numbers(look.seen) for look in looks] == [[n, 0] for n in range(1, 19, 3)]
    assert [numbers(look.over) for look in looks] == [[n] for n in range(2, 19, 3)]
    assert [numbers(look.near) for look in looks] == [[n] for n in range(3, 19, 3)]
    assert [look.reads for look in looks] == [((n, READ), (0, READ)) for n in range(1, 19, 3)]


def test_a_detector_that_is_kept_counts_on_by_itself() -> None:
    detector = SteadyDetector(Numbering(), None, {1}.__contains__)
    looks = [detector.look(PictureFrame(PICTURE, at_ms)) for at_ms in range(3)]
    assert [numbers(look.seen) for look in looks] == [[1, 0], [], [4, 0]]
