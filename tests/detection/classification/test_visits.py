"""From what is followed to events with names: a visit is one event, what stands where it stood is not told again."""

from collections.abc import Callable

from tawny.detection.classification import ClassificationJob, ClassificationQueue, ClassificationResult, TrackClassifier
from tawny.detection.models.object_model import DetectedObject
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.observations import Box, Look, Observation
from tests.detection.classification.test_namer import BEGUN_MS, PICTURE, PORCH
from tests.events import scripted
from tests.support.scenes import PictureFrame

SIGN: Box = (0.40, 0.35, 0.46, 0.60)
PARKED: Box = (0.55, 0.45, 0.75, 0.60)
Seen = Callable[[float], tuple[DetectedObject, ...]]


class Porch(ClassificationQueue):
    """A model that sees what stands there and what comes by, wherever it is job to look; and the events of it."""

    def __init__(self, *standing: DetectedObject) -> None:
        super().__init__(is_inline=True)
        self.things = list(standing)
        self._events = scripted.Bench()
        self._namer = TrackClassifier(PORCH, self, ("person", "vehicle"))
        self._at_s, self._track = 0.0, 0

    @property
    def is_open(self) -> bool:
        return True

    def _process(self, job: ClassificationJob) -> list[ClassificationResult]:
        self.looks += 1
        return [ClassificationResult(job, tuple(self.things) if job.turn == 0 else ())]

    def moves(self, *way: Box, label: str = "", sure: float = 0.8) -> None:
        """Something goes along these boxes, five a second, is what the model calls it (else nothing), and is gone."""
        self._track += 1
        standing = list(self.things)
        for box in way:
            self.things = [*standing, *([DetectedObject(label, sure, box)] if label else [])]
            self._look(Observation("motion", 0.8, box, self._track))
        self.things = standing
        for _ in range(15):
            self._look()

    def _look(self, *seen: Observation) -> None:
        self._at_s += 0.2
        frame = PictureFrame(PICTURE, BEGUN_MS + round(self._at_s * 1000), PORCH)
        self._events.maker.look(frame, self._namer.look(frame, Look(70 if seen else 10, seen)))

    @property
    def events(self) -> list[Event]:
        newest: dict[EventId, Event] = {change.event.id: change.event for change in self._events.told}
        return list(newest.values())


def across(first: Box, by: float, looks: int) -> list[Box]:
    x0, y0, x1, y1 = first
    return [(x0 + by * n, y0, x1 + by * n, y1) for n in range(looks)]


def test_who_comes_stands_and_goes_is_one_event() -> None:
    porch = Porch()
    comes = across((0.05, 0.3, 0.15, 0.6), 0.015, 20)
    porch.moves(*comes, *[comes[-1]] * 100, *across(comes[-1], 0.015, 20), label="person")
    (event,) = porch.events
    assert (event.kind, [one.label for one in event.objects]) == ("person", ["person"])
    assert porch.looks < 30  # once it has its name it is job about less often


def test_who_passes_a_sign_that_looks_like_somebody_is_what_they_are() -> None:
    porch = Porch(DetectedObject("person", 0.7, SIGN))
    for _ in range(3):
        porch.moves(*across((0.1, 0.3, 0.4, 0.65), 0.012, 30), label="car")
    assert [event.kind for event in porch.events] == ["vehicle"] * 3
    assert all([one.label for one in event.objects] == ["car"] for event in porch.events)


def test_a_branch_before_such_a_sign_is_motion() -> None:
    porch = Porch(DetectedObject("person", 0.7, SIGN))
    for _ in range(4):
        porch.moves(*across((0.36, 0.33, 0.44, 0.62), 0.004, 30))
    assert [event.kind for event in porch.events] == ["motion"] * 4


def test_a_car_is_told_when_it_comes_and_not_again_while_it_stands() -> None:
    porch = Porch()
    porch.moves(*across((0.05, 0.45, 0.25, 0.60), 0.0125, 41), *[PARKED] * 10, label="car")
    porch.things.append(DetectedObject("car", 0.8, PARKED))
    for _ in range(4):  # shadows that go over it
        porch.moves(*across((0.5, 0.4, 0.72, 0.62), 0.004, 30))
    assert [event.kind for event in porch.events] == ["vehicle", "motion", "motion", "motion", "motion"]
