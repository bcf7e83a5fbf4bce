"""What a recorder does when its hub orders an update: its owner's command, as a real process."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import StorageError
from tawny.service.box_update import MOST_SHOWN, BoxUpdate


class Box:
    def __init__(self, folder: Path, *words: str) -> None:
        self.words, self.log, self.notes = words, folder / "update.log", 0
        self.update = BoxUpdate(lambda: self.words, self.log, self.note)

    def note(self) -> None:
        self.notes += 1

    async def answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) async for line in self.update.answer()]


def shell(folder: Path, script: str) -> Box:
    return Box(folder, "/bin/sh", "-c", script)


@pytest.mark.parametrize(
    ("script", "code", "printed"),
    [
        ("echo done", 0, "done"),
        ("echo no space left >&2; exit 3", 3, "no space left"),
        ("true", 0, ""),
        ("kill -9 $$", -9, ""),
        ("printf '\\377'", 0, "\N{REPLACEMENT CHARACTER}"),
        (f"head -c {3 * MOST_SHOWN} /dev/zero | tr '\\0' a; echo b", 0, "a" * (MOST_SHOWN - 1) + "b"),
    ],
)
def test_the_command_runs_and_its_end_is_answered(tmp_path: Path, script: str, code: int, printed: str) -> None:
    box = shell(tmp_path, script)
    assert asyncio.run(box.answers()) == [{"started": True}, {"code": code, "printed": printed}]
    assert box.notes == 1


@pytest.mark.parametrize(
    ("words", "why"), [((), "has no command for updates"), (("/nowhere/update",), "can't be started")]
)
def test_what_can_not_be_started_is_an_error(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    [answer] = asyncio.run(Box(tmp_path, *words).answers())
    assert why in answer["error"]


def test_nothing_runs_that_can_not_be_noted_in_the_access_log(tmp_path: Path) -> None:
    def full() -> None:
        raise StorageError("accounts.db", "no space left")

    update = BoxUpdate(lambda: ("/bin/sh", "-c", f"touch {tmp_path}/ran"), tmp_path / "update.log", full)

    async def answers() -> list[bytes]:
        return [line async for line in update.answer()]

    [answer] = asyncio.run(answers())
    assert "no space left" in json.loads(answer)["error"]
    assert not (tmp_path / "ran").exists()


def test_of_two_orders_at_once_one_is_carried_out(tmp_path: Path) -> None:
    box = shell(tmp_path, f"echo ran >> {tmp_path}/ran; sleep 0.3")

    async def both() -> list[list[dict[str, Any]]]:
        return list(await asyncio.gather(box.answers(), box.answers()))

    first, second = asyncio.run(both())
    assert first[0] == {"started": True}
    assert second == [{"busy": True}]
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_it_runs_on_when_the_line_to_the_hub_ends_and_no_second_one_begins(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    box = shell(tmp_path, f"cat {gate}; echo finished")

    async def play() -> list[dict[str, Any]]:
        first = box.update.answer()
        assert json.loads(await anext(first)) == {"started": True}
        waiting = asyncio.ensure_future(anext(first))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        box.words = ("/bin/sh", "-c", "echo again")
        assert await box.answers() == [{"busy": True}]
        await asyncio.to_thread(gate.write_text, "went on\n")
        while box.log.read_text() != "went on\nfinished\n":
            await asyncio.sleep(0.01)
        while (answers := await box.answers()) == [{"busy": True}]:
            await asyncio.sleep(0.01)
        return answers

    assert asyncio.run(asyncio.wait_for(play(), 60)) == [{"started": True}, {"code": 0, "printed": "again"}]
    assert box.notes == 2
