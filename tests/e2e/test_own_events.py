"""A restless object first, somebody well apart from it after: two events, two messages, each with its own picture, and
what was seen of each object is there after a crash.

What people do: look at the message of the person, not of the balloons; open the event and see who came; filter for
people; play the event with boxes; scan a file and get both rows. The first failure: one message, with the balloons.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.model.events import event_id_says
from tawny.model.ids import EventId
from tawny.model.observations import ObjectPath, read_paths
from tawny.testing.http_service import ReceivedRequest, StandIn, served
from tawny.testing.waiting import until
from tests.detection import films
from tests.e2e.conftest import telegram

SETTINGS = """[web]
listen = "127.0.0.1:0"
[notifiers.phone]
url = "telegram://123:token@42"
api = "{api}"
clip = "none"
min_interval = "0 s"
levels = ["alert", "detection", "motion"]
[cameras.yard]
source = "file:{film}"
"""
WAIT_S = 60


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def objects(self) -> dict[str, tuple[ObjectPath, ...]]:
        """By event, oldest first."""
        found = {}
        for path in sorted(self.folder.rglob("*.objects.jsonl")):
            event = path.name.partition(".")[0]
            says = event_id_says(EventId(event))
            assert says is not None
            found[event] = read_paths(path.read_bytes(), says[0])
        return found


@pytest.fixture(scope="module")
def service() -> Iterator[StandIn]:
    with served(StandIn(telegram)) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, service: StandIn) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("own")
    config = home / "tawny.toml"
    config.write_text(SETTINGS.format(api=service.base, film=films.restless()))
    command = [
        str(Path(sys.executable).with_name("tawny")),
        "run",
        "--config",
        str(config),
        "--data",
        str(home / "data"),
    ]
    with (home / "log").open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    yield Running(process, home / "data")
    if process.poll() is None:
        process.terminate()
    process.wait(15)


def left_edges(path: ObjectPath) -> list[float]:
    return [point.box[0] for point in path.path]


def newest_ms(running: Running) -> list[int]:
    return [max(path.path[-1].at_ms for path in paths) for paths in running.objects.values()]


def test_each_is_an_event_and_both_are_in_the_message_of_the_visit(running: Running, service: StandIn) -> None:
    def photos() -> list[ReceivedRequest]:
        return [one for one in service.asked if one.path.endswith(("sendPhoto", "editMessageMedia"))]

    def image(asked: ReceivedRequest) -> bytes:
        return asked.form.get("photo") or asked.form["file"]

    until(lambda: len({image(one) for one in photos()}) >= 2, WAIT_S, "the message of the visit, with either")
    until(lambda: len(running.objects) == 2, WAIT_S, "what was seen of each")
    cat, person = running.objects.values()
    assert all(max(left_edges(one)) < 0.4 for one in cat)
    assert all(min(left_edges(one)) > 0.45 for one in person)


def test_a_crash_loses_at_most_the_last_second_of_a_path(running: Running) -> None:
    until(lambda: len(running.objects) == 2, WAIT_S, "two events")
    before_ms = newest_ms(running)
    until(lambda: all(a > b + 1000 for a, b in zip(newest_ms(running), before_ms, strict=True)), WAIT_S, "both go on")
    os.kill(running.process.pid, signal.SIGKILL)
    killed_ms = time.time() * 1000
    running.process.wait(15)
    for at_ms in newest_ms(running):
        assert killed_ms - at_ms < 3000  # a second, and the time that frames wait to be looked at
