"""Where pictures are looked at for all cameras, by one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from tawny.model.ids import CameraId
from tawny.model.observations import Box
from tawny.watch.desk import Desk
from tawny.watch.naming.turns import UPRIGHT, turned, upright
from tawny.watch.objects.fit import within
from tawny.watch.objects.model import Thing


class Looks(Protocol):
    """What can be asked (`objects.model.ObjectModel`)."""

    def look(self, rgb: Any, wanted: Sequence[str] = ()) -> list[Thing]: ...


@runtime_checkable
class LooksAtMany(Looks, Protocol):
    """One that can be faster with several pictures than with each alone."""

    @property
    def together(self) -> int:
        """How many it had better be shown at once."""
        ...

    def look_at_all(self, pictures: Sequence[Any]) -> list[list[Thing]]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """rgb: uint8 [height, width, 3], of a part of the picture. part: which one. tracks: what was followed then.

    turn: by how many quarter turns it is shown.
    """

    camera: CameraId
    at_ms: int
    rgb: Any
    part: Box
    tracks: tuple[tuple[int, Box], ...]
    turn: int = UPRIGHT


@dataclass(frozen=True, slots=True)
class Answer:
    """things: what was seen, in shares of the whole picture."""

    asked: Asked
    things: tuple[Thing, ...]


class NamingDesk(Desk[Asked, Answer]):
    """`use` in the thread of `step`."""

    def __init__(self, model: Looks | None = None) -> None:
        super().__init__()
        self._model = model
        self.looks = 0
        """How many pictures were looked at."""

    @property
    def is_open(self) -> bool:
        """Whether there is a model: without one nobody need ask."""
        return self._model is not None

    def use(self, model: Looks | None) -> None:
        """From now on this one; with none, what waits is let go."""
        self._model = model
        if model is None:
            self.close()

    def _together(self) -> int:
        return self._model.together if isinstance(self._model, LooksAtMany) else 1

    def _all_answered(self, asked: Sequence[Asked]) -> list[list[Answer]]:
        if len(asked) == 1 or not isinstance(self._model, LooksAtMany):
            return super()._all_answered(asked)
        seen = self._model.look_at_all([turned(one.rgb, one.turn) for one in asked])
        return [[self._answer(one, things)] for one, things in zip(asked, seen, strict=True)]

    def _answered(self, asked: Asked) -> list[Answer]:
        if self._model is None:
            return []
        return [self._answer(asked, self._model.look(turned(asked.rgb, asked.turn)))]

    def _answer(self, asked: Asked, seen: Sequence[Thing]) -> Answer:
        self.looks += 1
        return Answer(
            asked,
            tuple(Thing(one.label, one.score, within(upright(one.box, asked.turn), asked.part)) for one in seen),
        )
