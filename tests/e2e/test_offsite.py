"""A demo camera's event goes to a real server of every kind: its picture and message, its video while it goes on, and
the whole clip at its end."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tawny.cli.main import main
from tawny.delivery.file_names import CODE_LETTERS
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny
from tests.e2e.everywhere import PLACES, Everywhere, everywhere
from tests.e2e.whole import missing_s, packets

PRE_S, LASTS_S, POST_S = 5.0, 20.0, 2.0
FPS = 10


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    with everywhere(tmp_path_factory.mktemp("there")) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, there: Everywhere) -> Iterator[Tawny]:
    home = tmp_path_factory.mktemp("offsite")
    settings = home / "tawny.toml"
    camera = f'[cameras.front]\nsource = "demo:front"\npre = "{PRE_S:g} s"\npost = "{POST_S:g} s"\n'
    settings.write_text(f'[web]\nlisten = "127.0.0.1:0"\n{"".join(there.tables.values())}{camera}')
    yield from tawny("run", "--config", str(settings), folder=home / "data")


def recorded(folder: Path) -> list[Path]:
    return sorted(folder.glob("front/**/*.main*.mp4"))


def wanted_s(folder: Path, name: str) -> float:
    with closing(sqlite3.connect(folder / "outbox.db")) as db:
        asked = "SELECT DISTINCT need_end_ms - need_begin_ms FROM deliveries WHERE name = ?"
        (found,) = db.execute(asked, [name]).fetchall()
    return float(found[0]) / 1000


@pytest.mark.shows("RC12", "PK22")
def test_it_arrives_everywhere_and_whole(
    running: Tawny, there: Everywhere, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until(
        lambda: sum(len(packets(path)) for path in recorded(running.folder)) / FPS > PRE_S + 2,
        60,
        "the pre-roll is there",
    )
    line = ["event", "open", "front", "--kind", "bell", "--for", f"{LASTS_S:g} s", "--json"]
    assert main([*line, "--data", str(running.folder)]) == 0
    event = json.loads(capsys.readouterr().out)["event"][-CODE_LETTERS:]

    def of_event(place: str, ending: str) -> set[str]:
        return {name for name in there.trees[place]() if event in name and name.endswith(ending)}

    def everywhere_is(ending: str) -> bool:
        return all(of_event(place, ending) for place in PLACES)

    until(lambda: everywhere_is(".jpg"), 60, "its picture is everywhere")
    until(lambda: everywhere_is(".001.mp4"), 60, "a piece of what goes on is everywhere")
    until(lambda: everywhere_is(f"{event}.mp4"), 60, "its clip is everywhere")
    clips = {place: there.trees[place]() for place in PLACES}
    for place, files in clips.items():
        (name,) = of_event(place, f"{event}.mp4")
        clip = tmp_path / f"{place}.mp4"
        clip.write_bytes(files[name])
        assert wanted_s(running.folder, name) >= PRE_S + LASTS_S + POST_S
        assert missing_s(clip, recorded(running.folder), wanted_s(running.folder, name)) < 0.15
    assert len({files[name] for files in clips.values()}) == 1


def test_somebody_is_told_by_every_way(running: Tawny, there: Everywhere) -> None:
    until(lambda: any(asked.path.endswith("/sendPhoto") for asked in there.chat.asked), 60, "the chat")
    until(lambda: there.post.letters, 60, "a letter")
    assert any(part.get_content_type() == "image/jpeg" for part in there.post.letters[0].walk())


def test_nothing_is_left_waiting(running: Tawny, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--data", str(running.folder), "--json"])
    assert set(json.loads(capsys.readouterr().out)["outbox"]) == {"waiting", "oldest"}
