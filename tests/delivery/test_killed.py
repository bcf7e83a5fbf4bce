"""Killed again and again in the midst of delivering: everything arrives once, whole, under its name, in order."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.delivery.delivery import DeliveryKind, DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.model.times import SystemClock
from tests.delivery.carried import delivery
from tests.delivery.kill_child import data_of

ROOT = Path(__file__).parents[2]


def lives(outbox: Path, folder: Path, kills: int, seed: int) -> list[str]:
    """Run until nothing waits, killed so often on the way. What was said to be delivered, in order."""
    chance, lines = random.Random(seed), list[str]()
    for life in range(kills + 1):
        command = [sys.executable, "-m", "tests.delivery.kill_child", str(outbox), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
            assert child.stdout
            assert child.stdout.readline() == "ready\n"
            if life < kills:
                try:
                    child.wait(chance.uniform(0.0, 0.08))
                except subprocess.TimeoutExpired:
                    child.kill()
            lines += child.stdout.read().split()
    return lines


@pytest.mark.parametrize("kills", [8, pytest.param(50, marks=pytest.mark.long)])
def test_each_arrives_once_whole_and_the_most_important_first(tmp_path: Path, kills: int) -> None:
    clock, path, folder = SystemClock(), tmp_path / "outbox.db", tmp_path / "nas"
    folder.mkdir()
    outbox = Outbox(path, clock)
    kinds = [DeliveryKind.CLIP, DeliveryKind.PICTURE, DeliveryKind.FOOTAGE]
    names = [f"{kind}/{number:02d}.mp4" for number in range(kills // 2 + 2) for kind in kinds]
    outbox.add([delivery(name, DeliveryKind(name.split("/")[0]), at_ms=n) for n, name in enumerate(names)])
    outbox.close()
    result = lives(path, folder, kills, seed=kills)
    found = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    assert found == sorted(names)
    assert all((folder / name).read_bytes() == data_of(name) for name in names)
    ranks = [DeliveryKind(name.split("/")[0]).rank for name in result]
    assert ranks == sorted(ranks)
    after = Outbox(path, clock)
    assert {one.state for one in after.ended("offsite", limit=1000)} == {DeliveryState.DONE}
    assert after.waiting().count == 0
    after.close()
