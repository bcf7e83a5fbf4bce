"""A demo camera's event is told at once, with its picture, and its clip takes that one's place."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tawny.testing.http_service import ReceivedRequest, StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny, telegram

TOKEN = "123:pLantedS3cret"


@pytest.fixture(scope="module")
def service() -> Iterator[StandIn]:
    with served(StandIn(telegram)) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, service: StandIn) -> Iterator[Tawny]:
    home = tmp_path_factory.mktemp("messages")
    settings = home / "tawny.toml"
    secrets = home / "secrets.toml"
    secrets.write_text(f'BOT = "{TOKEN}"\n')
    secrets.chmod(0o600)
    settings.write_text(
        f'[web]\nlisten = "127.0.0.1:0"\n'
        f'[notifiers.phone]\nurl = "telegram://${{BOT}}@42"\napi = "{service.base}"\nclip = "gif"\n'
        f'[notifiers.hook]\nurl = "webhook+{service.base}/hook"\n'
        f'[cameras.front]\nsource = "demo:front"\npost = "2 s"\n'
    )
    yield from tawny("run", "--config", str(settings), folder=home / "data", is_loaded=False)


def test_an_event_is_told_with_its_picture_and_then_its_clip(running: Tawny, service: StandIn) -> None:
    def asked(method: str) -> list[ReceivedRequest]:
        return [one for one in service.asked if one.path.endswith(method)]

    until(lambda: asked("sendPhoto"), 90, "a message")
    photo = asked("sendPhoto")[0]
    assert photo.form["photo"][:2] == b"\xff\xd8"
    assert b" at Front. " in photo.form["caption"]
    keys = json.loads(photo.form["reply_markup"])["inline_keyboard"][0]
    assert [key["text"] for key in keys] == ["Mute for 1 h", "False alarm", "Keep"]
    assert all(len(key["callback_data"].encode()) <= 64 for key in keys)

    until(lambda: asked("editMessageMedia"), 120, "its clip")
    moving = asked("editMessageMedia")[0]
    assert moving.form["file"][:6] == b"GIF89a"
    assert len(moving.form["file"]) < 3_000_000
    assert len([one for one in asked("sendPhoto") if one.form["caption"] == photo.form["caption"]]) == 1

    def told() -> list[ReceivedRequest]:
        return [one for one in asked("/hook") if one.json["type"] == "message.event"]

    until(told, 60, "the webhook's message")
    late_ms = told()[0].at_ms - datetime.fromisoformat(told()[0].json["time"]).timestamp() * 1000
    assert 0 < late_ms < 30_000  # with a machine to itself below two seconds: the long test looks at that


@pytest.mark.long
def test_a_message_leaves_within_two_seconds_of_the_events_start(running: Tawny, service: StandIn) -> None:
    """Nearly all of that is seeing it; from then on it takes a moment. Of messages that waited for no other."""

    def told() -> list[tuple[int, int]]:
        """When it was known, and when it had left, both since its start."""
        with closing(sqlite3.connect(running.folder / "outbox.db")) as db:
            query = (
                "SELECT made_ms - at_ms, done_ms - at_ms FROM deliveries WHERE name LIKE 'event/%' AND state = 'done'"
            )
            return db.execute(query).fetchall()

    until(lambda: len(told()) >= 4, 400, "four messages")
    assert max(left_ms - known_ms for known_ms, left_ms in told()) < 1200
    assert sorted(left_ms for _, left_ms in told())[1] < 2000


def test_no_secret_is_told(running: Tawny, service: StandIn) -> None:
    log = "".join(path.read_text(errors="replace") for path in running.folder.parent.glob("*.log"))
    assert TOKEN not in log
    assert (Path("/proc") / str(running.process.pid) / "cmdline").read_bytes().find(TOKEN.encode()) < 0
