"""What looks after the recorder, in a whole one: which trouble is which alarm, and when the sign of life stays away."""

from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import IndexDamaged, StorageError
from tawny.model.messages import Alarm
from tawny.model.states import CameraState
from tests.faults.world import PORCH, World, world
from tests.service.health.test_check_in import serving


def raised(bench: World) -> list[Alarm]:
    return [one for _, one in bench.heard if isinstance(one, Alarm) and one.until_ms is None]


def test_nothing_is_wrong_and_nothing_is_told(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(300)
        assert raised(bench) == []
        assert bench.care.alarms == ()
        bench.stop()


def test_a_disk_that_refuses_is_told_with_what_it_costs_and_both_end(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(20)

        def before(operation: str, path: str) -> None:
            if operation == "append" and path.endswith(".mp4"):
                raise StorageError(path, "Input/output error")

        bench.disk.before = before
        bench.run(50)
        found = [(one.what, one.camera) for one in raised(bench)]
        assert sorted(found, key=str) == [("camera", "porch"), ("camera", "yard"), ("disk", None)]
        bench.disk.before = lambda operation, path: None
        bench.run(60)
        assert bench.care.alarms == ()
        bench.stop()


def test_a_camera_that_does_not_see_is_told_though_it_is_recorded(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(20)
        bench.shown = lambda status: (
            replace(status, state=CameraState.COVERED, detail="Is it covered?") if status.id == PORCH else status
        )
        bench.run(60)
        assert [(one.what, one.camera, one.detail) for one in raised(bench)] == [("sight", PORCH, "Is it covered?")]
        bench.shown = lambda status: status
        bench.run(60)
        assert bench.care.alarms == ()
        bench.stop()


def test_what_a_paused_camera_does_not_see_is_over_once_it_is_on_and_sees(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(20)
        found = []
        states = [CameraState.COVERED]
        bench.shown = lambda status: replace(status, state=states[-1]) if status.id == PORCH else status
        for state, for_s in ((CameraState.COVERED, 60), (CameraState.PAUSED, 60), (CameraState.RECORDING, 240)):
            states.append(state)
            bench.run(for_s)
            found.append((sum(isinstance(one, Alarm) for _, one in bench.heard), len(bench.care.alarms)))
        assert found == [(1, 1), (1, 0), (2, 0)]
        bench.stop()


def test_a_damaged_index_is_told_with_what_to_do(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(20)
        with pytest.raises(IndexDamaged), bench.index.together():
            raise IndexDamaged("tawny.db", "malformed")
        bench.run(60)
        assert [(one.what, one.do) for one in raised(bench)] == [("books", IndexDamaged.advice)]
        bench.stop()


def test_a_history_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(20)

        def before(operation: str, path: str) -> None:
            if operation in ("append", "create") and path.startswith("history/2"):
                raise StorageError(path, "Input/output error")

        bench.disk.before = before
        bench.cameras_of.away.add(PORCH)
        bench.run(15)
        bench.cameras_of.away.clear()
        bench.run(60)
        assert "books" in {one.what for one in raised(bench)}
        bench.disk.before = lambda operation, path: None
        bench.run(60)
        assert bench.care.alarms == ()
        bench.stop()


def test_the_sign_of_life_stays_away_while_a_camera_is_not_recorded(tmp_path: Path) -> None:
    with serving() as server, world(tmp_path, check_in=server.address) as bench:
        bench.run(200)
        before = len(server.asked)
        assert before in (3, 4)
        bench.cameras_of.away.add(PORCH)
        bench.run(300)
        assert len(server.asked) == before
        bench.cameras_of.away.clear()
        bench.run(120)
        assert len(server.asked) > before
        bench.stop()


def test_nothing_is_sent_when_no_address_is_set(tmp_path: Path) -> None:
    with serving() as server, world(tmp_path) as bench:
        bench.run(700)
        assert server.asked == []
        bench.stop()
