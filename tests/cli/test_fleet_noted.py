"""What is done from the terminal to hubs and standbys is in the audit log, as it is from the page."""

import json
from pathlib import Path

import pytest

from tawny.cli import fleet as fleet_commands
from tawny.cli import standby as standby_commands
from tawny.fleet.box import Welcome
from tawny.fleet.identity import load_or_make_key
from tawny.fleet.sqlite_fleet_index import HUB_FILE, SqliteFleetIndex
from tawny.fleet.standby_member import StandbyWelcome
from tawny.fleet.standby_store import StandbyStore
from tawny.model.times import SystemClock
from tests.cli.conftest import Tawny

LINK = f"http://192.168.178.52:8000/join#{'c' * 22}.{'h' * 43}"


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "data" / "history").mkdir(parents=True)
    (tmp_path / "tawny.toml").write_text("[hub]\nenabled = true\n")
    return ("--config", str(tmp_path / "tawny.toml"), "--data", str(tmp_path / "data"))


def noted(tawny: Tawny, place: tuple[str, ...]) -> list[tuple[str, str, str]]:
    items = json.loads(tawny("user", "log", "--json", *place).out)["items"]
    return [(one["action"], one["detail"], one["address"]) for one in items]


def test_links_and_removals_at_a_hub(tawny: Tawny, place: tuple[str, ...], tmp_path: Path) -> None:
    index = SqliteFleetIndex(tmp_path / "data" / HUB_FILE, SystemClock())
    code, _ = index.invite()
    index.join(code, "Shed", bytes(32), "words")
    index.close()
    assert tawny("hub", "link", *place).code == 0
    assert tawny("hub", "revoke", "barn", *place).code == 3
    assert tawny("hub", "revoke", "shed", *place).code == 0
    assert noted(tawny, place) == [
        ("hub link created", "", "this computer"),
        ("recorder removed from hub", "shed", "this computer"),
    ]


@pytest.mark.parametrize(
    ("boxes", "wanted", "gone"),
    [
        ({"shed": "Garage"}, "gARAGE", "shed"),
        ({"shed": "Garage", "shed-2": "Shed"}, "Garage", "shed"),
        ({"shed": "Garage", "shed-2": "Shed"}, "shed-2", "shed-2"),
        ({"shed": "Garage", "shed-2": "Shed"}, "shed", None),
        ({"shed": "Garage", "shed-2": "Shed"}, "Shed", None),
        ({"shed": "Shed", "shed-2": "Shed"}, "shed", "shed"),
        ({"shed": "Shed", "shed-2": "Shed"}, "Shed", None),
    ],
)
def test_a_recorder_is_removed_by_its_id_or_name_unless_another_one_could_be_meant(
    tawny: Tawny, place: tuple[str, ...], tmp_path: Path, boxes: dict[str, str], wanted: str, gone: str | None
) -> None:
    index = SqliteFleetIndex(tmp_path / "data" / HUB_FILE, SystemClock())
    for number, (box, name) in enumerate(boxes.items()):
        assert index.join(index.invite()[0], "Shed", bytes([number]) * 32, "words") is not None
        index.rename(box, name)
    done = tawny("hub", "revoke", wanted, *place)
    assert boxes.keys() - {one.id for one in index.boxes()} == ({gone} if gone else set())
    index.close()
    text = f"{boxes[gone]} ({gone}) is removed" if gone else " (shed-2)."
    assert (done.code, text in done.out + done.err) == (0 if gone else 3, True)


def test_joining_a_hub_a_pass_and_leaving(
    tawny: Tawny, place: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def join(*_: object) -> Welcome:
        return Welcome("shed", "Shed", "four words to compare", "All houses")

    async def leave(*_: object) -> None:
        pass

    monkeypatch.setattr(fleet_commands, "join_hub", join)
    monkeypatch.setattr(fleet_commands, "leave_hub", leave)
    for words in (("join", LINK), ("pass", "4h", "--live"), ("pass", "end"), ("leave",)):
        done = tawny("fleet", *words, *place)
        assert done.code == 0, done.err
    assert noted(tawny, place) == [
        ("hub joined", "http://192.168.178.52:8000", "this computer"),
        ("hub pass given", "4 h: live", "this computer"),
        ("hub pass ended", "", "this computer"),
        ("hub left", "", "this computer"),
    ]


def test_removals_at_a_standby(tawny: Tawny, place: tuple[str, ...], tmp_path: Path) -> None:
    data = tmp_path / "data"
    store = StandbyStore(data, SystemClock())
    code, _ = store.invite()
    store.join(code, "Shed", bytes(32), load_or_make_key(data).public_key().public_bytes_raw())
    store.close()
    assert tawny("standby", "revoke", "shed", *place).code == 0
    assert noted(tawny, place) == [("recorder removed from standby", "shed", "this computer")]


def test_the_same_standby_chosen_again_is_used_at_once(
    tawny: Tawny, place: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No setting changes, and the running recorder waits for a minute after a refusal."""
    asked: list[dict[str, object]] = []

    async def join(*_: object) -> StandbyWelcome:
        return StandbyWelcome("House", "four words to compare", "Shed", "")

    def ask_once(_folder: Path, request: dict[str, object]) -> dict[str, object]:
        asked.append(request)
        return {}

    monkeypatch.setattr(standby_commands, "join_standby", join)
    monkeypatch.setattr(standby_commands, "ask_once", ask_once)
    for expected in ([], [{"command": "standby", "retry": True}]):
        assert tawny("standby", "join", LINK.replace("#", "#standby."), *place).code == 0
        assert asked == expected


def test_a_standby_without_any_camera_does_not_say_that_it_records(
    tawny: Tawny, place: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = {
        "id": "house", "name": "House", "words": "", "lease": "taken", "is_connected": False, "since_ms": 0,
        "recorded": [], "problems": {},
    }  # fmt: skip
    monkeypatch.setattr(standby_commands, "running_data", lambda _: Path())
    monkeypatch.setattr(
        standby_commands, "ask_once", lambda *_: {"is_standby": True, "standby": None, "protected": [silent]}
    )
    assert "silent: none of its cameras is recorded here" in tawny("standby", *place).out
