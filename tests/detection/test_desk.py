"""One thread's work for all cameras: it rests until somebody asks."""

from dataclasses import dataclass

from tawny.detection.classification import IDLE_S, JobQueue
from tawny.model.ids import CameraId

PORCH, YARD = CameraId("porch"), CameraId("yard")


@dataclass(frozen=True)
class Asked:
    camera: CameraId
    word: str


class Echo(JobQueue[Asked, str]):
    def _answered(self, asked: Asked) -> list[str]:
        return [asked.word]


def test_it_rests_while_nobody_asks_and_whoever_asks_wakes_it() -> None:
    desk, woken = Echo(), []
    desk.wake = lambda: woken.append(True)
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
