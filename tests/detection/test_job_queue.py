"""One thread's work for all cameras: it rests until somebody asks."""

from dataclasses import dataclass
from unittest.mock import Mock

from tawny.detection.classification import IDLE_S, JobQueue
from tawny.engine import Handle, InlineEngine
from tawny.model.ids import CameraId

PORCH, YARD = CameraId("porch"), CameraId("yard")


@dataclass(frozen=True)
class Asked:
    camera: CameraId
    word: str


class Echo(JobQueue[Asked, str]):
    name = "echo"

    def _answered(self, asked: Asked) -> list[str]:
        return [asked.word]


def test_it_rests_while_nobody_asks_and_whoever_asks_wakes_it() -> None:
    desk, woken = Echo(), []
    actor = Mock(Handle, wake=lambda: woken.append(True))
    desk.handle.start(Mock(InlineEngine, start=lambda *_: actor), "echo", lambda: desk)
    assert desk.step() == IDLE_S
    desk.ask(Asked(PORCH, "one"))
    desk.ask(Asked(YARD, "two"))
    assert len(woken) == 2
    assert [desk.step(), desk.step(), desk.step()] == [0.0, 0.0, IDLE_S]
    assert (desk.answers(PORCH), desk.answers(YARD)) == (["one"], ["two"])


def test_of_each_camera_the_newest_counts() -> None:
    desk = Echo()
    desk.ask(Asked(PORCH, "old"))
    desk.ask(Asked(PORCH, "new"))
    desk.step()
    assert desk.answers(PORCH) == ["new"]
    assert desk.replaced == 1
