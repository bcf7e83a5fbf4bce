"""One thread's work for all cameras: it rests until there is a job."""

from dataclasses import dataclass
from unittest.mock import Mock

from tawny.detection.classification import IDLE_S, JobQueue
from tawny.engine import Handle, InlineEngine
from tawny.model.ids import CameraId

PORCH, YARD = CameraId("porch"), CameraId("yard")


@dataclass(frozen=True)
class Job:
    camera: CameraId
    word: str


class Echo(JobQueue[Job, str]):
    name = "echo"

    def _process(self, job: Job) -> list[str]:
        return [job.word]


def test_it_rests_until_a_job_wakes_it() -> None:
    queue, woken = Echo(), []
    actor = Mock(Handle, wake=lambda: woken.append(True))
    queue.handle.start(Mock(InlineEngine, start=lambda *_: actor), "echo", lambda: queue)
    assert queue.step() == IDLE_S
    queue.add(Job(PORCH, "one"))
    queue.add(Job(YARD, "two"))
    assert len(woken) == 2
    assert [queue.step(), queue.step(), queue.step()] == [0.0, 0.0, IDLE_S]
    assert (queue.results(PORCH), queue.results(YARD)) == (["one"], ["two"])


def test_of_each_camera_the_newest_counts() -> None:
    queue = Echo()
    queue.add(Job(PORCH, "old"))
    queue.add(Job(PORCH, "new"))
    queue.step()
    assert queue.results(PORCH) == ["new"]
    assert queue.replaced == 1


def test_a_camera_that_asks_often_has_its_turn() -> None:
    """Each job takes as long as three new ones of this camera, and one of the other."""
    queue = Echo()
    for n in range(4):
        for word in "abc":
            queue.add(Job(PORCH, f"{n}{word}"))
            queue.add(Job(YARD, f"{n}"))
        queue.step()
    assert (queue.results(PORCH), queue.results(YARD)) == (["0c", "2c"], ["1", "3"])
