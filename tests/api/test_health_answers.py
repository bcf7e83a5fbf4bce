"""Is it recording? That is answered from memory, also while the disk that has the index isn't responding."""

import threading

import pytest

from tawny.model.ids import StreamName
from tawny.model.messages import BESIDE_RECORDING, OF_STATE, Alarm, ProblemKind
from tawny.service.health import camera_health
from tawny.service.health.camera_health import HealthReader, TodayFigures
from tests.api.fakes import House
from tests.live.cameras import numbered, video
from tests.playback.archives import MAIN, PORCH, SUB


def test_it_is_told_while_the_index_does_not_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()

    def hangs(*_: object, **__: object) -> tuple[float, int]:
        answers.wait(60)
        return 0.5, 3

    monkeypatch.setattr(camera_health, "share_recorded", hangs)
    monkeypatch.setattr(camera_health, "ANSWER_S", 0.05)
    desk = HealthReader(house.recorder)
    try:
        for _ in range(2):
            result = desk.now()
            assert (result.working, result.expected) == (1, 1)
            assert result.cameras[0].today.share is None
    finally:
        answers.set()
    for thread in threading.enumerate():
        if thread.name == "health":
            thread.join(30)
    assert desk.now().cameras[0].today.share == 0.5
    assert desk.now().cameras[0].today.gaps == 3


@pytest.mark.parametrize("kind", ProblemKind)
def test_problems_that_strangers_can_cause_do_not_say_that_recording_needs_care(
    house: House, kind: ProblemKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.recorder, "warnings", list)
    monkeypatch.setattr(house.recorder, "alarms", list)
    assert HealthReader(house.recorder).now().ok
    monkeypatch.setattr(house.recorder, "alarms", lambda: [Alarm(kind, None, 0, "What happened.")])
    assert HealthReader(house.recorder).now().ok == (kind in BESIDE_RECORDING | OF_STATE)


def test_a_stream_that_ended_is_not_told_while_the_other_one_goes_on(house: House) -> None:
    def received() -> list[bool]:
        result = HealthReader(house.recorder).cameras()[0]
        return [result.main is not None, result.sub is not None]

    def send(*streams: StreamName) -> None:
        for stream in streams:
            for packet in numbered(video(start_ms=house.clock.now_ms(), count=1), first=house.clock.now_ms()):
                house.recorder.hubs[PORCH, stream].append(packet)

    assert received() == [False, False]
    send(MAIN, SUB)
    assert received() == [True, True]
    house.clock.advance(60)
    assert received() == [True, True], "pages show the shape of a camera that is offline"
    send(MAIN)
    assert received() == [True, False]
    send(SUB)
    assert received() == [True, True]


@pytest.mark.parametrize("path", ["/api/v1/health", f"/api/v1/cameras/{PORCH}/snapshot"])
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
async def test_a_limit_of_threads_or_memory_is_named(
    house: House, path: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    browser = house.signed_in()
    monkeypatch.setattr("asyncio.to_thread", refuse)
    answer = await browser.get(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "limit", "10")
    assert answer.json()["message"] == "The system gives tawny no more threads or memory."
    assert "TasksMax=" in answer.json()["hint"]


async def test_a_change_at_the_limit_of_threads_is_not_called_undone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An executor has queued it already."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    browser = house.signed_in()
    monkeypatch.setattr("asyncio.to_thread", refuse)
    answer = await browser.put(f"/api/v1/cameras/{PORCH}/name", json={"name": "Gate", "group": ""})
    assert (answer.status_code, answer.json()["code"]) == (503, "limit")
    assert answer.json()["message"].endswith(" The change may still be made.")


def test_states_come_without_new_figures_while_no_thread_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error there closed the connection to the broker at each step."""
    shares = iter([0.5, 0.75])
    monkeypatch.setattr(camera_health, "share_recorded", lambda *_, **__: (next(shares), 3))

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    reader = HealthReader(house.recorder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(camera_health, "start_thread", refuse)
        found = [reader.now().cameras[0].today for _ in range(2)]
    assert found == [TodayFigures(), TodayFigures()]
    assert reader.now().cameras[0].today.share == 0.5
    house.clock.advance(3600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(camera_health, "start_thread", refuse)
        assert reader.now().cameras[0].today.share == 0.5, "the last ones"
    assert reader.now().cameras[0].today.share == 0.75
