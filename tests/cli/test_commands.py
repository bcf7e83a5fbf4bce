"""What the commands say of a folder of recordings: the JSON that scripts rely on, and words for people."""

import json
import os
import re
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from tawny.cli import control_client, events
from tawny.cli.main import COMMANDS
from tawny.cli.recordings import timeline_as_json
from tawny.engine import Bus
from tawny.fleet.standby_store import STANDBY_FILE
from tawny.model.damage import DamagedSpan
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import Event, SeenObject, new_event_id
from tawny.model.geometry import grid_of
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged
from tawny.model.segments import Gap, GapEvidence, GapReason
from tawny.model.times import Span, SystemClock, utc_from_text, utc_text
from tawny.service import json_format
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import index_to_read, index_to_write
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.segments.detection_files import MotionGrids
from tawny.testing.clock import FakeClock
from tests.app.rig import DOOR
from tests.cli.conftest import Tawny, answering
from tests.playback.archives import PORCH, FakeArchive
from tests.support.nameless_user import forget_user_name

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def as_json(text: str) -> Any:
    return json.loads(text)


def test_the_timeline_has_spans_and_gaps_that_tile(tawny: Tawny, recorded: Path) -> None:
    result = tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(recorded), "--json")
    data = as_json(result.out)
    assert (result.code, data["camera"]) == (0, "door")
    assert len(data["spans"]) == 2
    assert {span["stream"] for span in data["spans"]} == {"main"}
    assert any(gap["reason"] == "recorder_off" for gap in data["gaps"])
    assert all(UTC.fullmatch(span["start"]) for span in data["spans"])


def test_the_timeline_for_people_says_why_time_is_missing(tawny: Tawny, recorded: Path) -> None:
    result = tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(recorded))
    assert "recorded until" in result.out
    assert "tawny wasn't running" in result.out


def test_the_timeline_has_what_is_being_recorded(tmp_path: Path) -> None:
    archive, begin_ms = FakeArchive(tmp_path), 1_795_000_000_000
    archive.record(begin_ms)
    open_one = archive.record(begin_ms + 4000, is_open=True)
    result = timeline_as_json(archive, PORCH, Span(begin_ms, begin_ms + 60_000))
    assert result["spans"] == [json_format.span(Span(begin_ms, open_one.end_ms), StreamName.MAIN)]


def test_an_unknown_camera_is_told_with_those_there_are(tawny: Tawny, recorded: Path) -> None:
    result = tawny("timeline", "--camera", "porch", "--from", "yesterday", "--data", str(recorded))
    assert result.code == 3
    assert "door" in result.err


@pytest.fixture
def without_recordings(archive: Path) -> Path:
    """Also of a camera `gate`, which has never recorded, and was removed."""
    now_ms = SystemClock().now_ms()
    volume = Volume.at(archive)
    with closing(index_to_write(volume, HistoryJournal(volume.disk))) as index:
        index.put_gap(Gap(CameraId("gate"), now_ms - 60_000, now_ms - 1000, GapReason.UNREACHABLE, "refused"))
        index.put_event(Event(EventId("e1"), CameraId("gate"), "bell", now_ms - 50_000, now_ms - 40_000, 90.0))
    return archive


@pytest.mark.parametrize(
    ("words", "shown"),
    [(["events"], "bell"), (["events", "--visits"], "bell"), (["timeline", "--from", "1 h ago"], "Camera offline")],
    ids=["events", "visits", "timeline"],
)
def test_a_camera_without_recordings_is_shown(
    tawny: Tawny, without_recordings: Path, words: list[str], shown: str
) -> None:
    result = tawny(*words, "--camera", "gate", "--data", str(without_recordings))
    assert result.code == 0, result.err
    assert shown in result.out


def test_an_export_of_a_camera_without_recordings_names_those_that_have_some(
    tawny: Tawny, without_recordings: Path
) -> None:
    times = ["--from", "1 h ago", "--to", "now", "-o", "x.mp4"]
    result = tawny("export", "--camera", "gate", "--data", str(without_recordings), *times)
    assert result.code == 3
    assert "Available cameras: door" in result.err


def test_checking_proves_every_second(tawny: Tawny, recorded: Path) -> None:
    result = tawny("check", "--deep", "--wall", "--data", str(recorded), "--json")
    data = as_json(result.out)
    assert result.code == 0, data
    assert data["ok"] is True
    assert data["segments"] == 2
    assert data["wall"]["unexplained_s"] == 0
    assert data["damage"] == []
    assert all(gap["camera"] == "door" and "evidence" in gap for gap in data["wall"]["gaps"])
    assert len(data["wall"]["gaps"]) >= 2


def test_checking_before_there_is_an_index_uses_the_files(tawny: Tawny, archive: Path) -> None:
    """As after a restore on another computer, before the first start."""
    for path in archive.glob("tawny.db*"):
        path.unlink()
    result = tawny("check", "--wall", "--data", str(archive))
    assert result.code == 0, result.err
    assert "There is no index tawny.db yet" in result.err
    assert "unexplained: 0.0 s" in result.out
    assert not list(archive.glob("tawny.db*")), "it is made by the recorder"


def test_damage_and_what_a_gap_stands_on_are_told(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(recorded, folder)
    span = as_json(tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(folder), "--json").out)[
        "spans"
    ][0]
    begin_ms = utc_from_text(span["start"])
    volume = Volume.at(folder)
    history = HistoryJournal(volume.disk)
    with closing(index_to_write(volume, history)) as index:
        ledger = HistoryLedger(history, index, SystemClock())
        ledger.put_damage([DamagedSpan(CameraId("door"), StreamName.MAIN, begin_ms + 100, begin_ms + 1600, 2, 7)])
        seen = GapEvidence("stall", begin_ms + 200, begin_ms + 300, 7, 0, 2, "200 OK")
        ledger.put_gap(Gap(CameraId("door"), begin_ms + 200, begin_ms + 1300, GapReason.STALLED, "none whole", seen))
    history.close()
    damage = {"pictures": 2, "packets_missing": 7}
    data = as_json(tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(folder), "--json").out)
    assert damage.items() <= data["damage"][0].items()
    evidence = next(gap["evidence"] for gap in data["gaps"] if gap["detail"] == "none whole")
    assert (evidence["word"], evidence["attempts"], evidence["peer_status"]) == ("stall", 2, "200 OK")
    assert (
        "2 frames incomplete, 7 packets lost in transit"
        in tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(folder)).out
    )
    checked = as_json(tawny("check", "--wall", "--data", str(folder), "--json").out)
    assert checked["damage"] == [{"camera": "door", "spans": 1, "seconds": 1.5, **damage}]
    assert evidence in [gap["evidence"] for gap in checked["wall"]["gaps"]]
    assert checked["ok"] is True
    text = tawny("check", "--data", str(folder)).out
    assert "door: 1.5 s damaged in 1 section: 2 frames incomplete, 7 packets lost in transit." in text


def test_an_export_is_an_ordinary_file_of_the_time_asked_for(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    span = as_json(tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(recorded), "--json").out)[
        "spans"
    ][0]
    words = ["export", "--camera", "door", "--data", str(recorded), "--from", span["start"], "--to", span["end"]]
    result = tawny(*words, "-o", "clip.mp4", "--json")
    data = as_json(result.out)
    assert result.code == 0
    assert (tmp_path / "clip.mp4").stat().st_size == data["size_bytes"]
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "clip.mp4", "-f", "null", "-"], capture_output=True, cwd=tmp_path
    )
    assert (decoded.returncode, decoded.stderr) == (0, b"")
    again = tawny(*words, "-o", "clip.mp4")
    assert again.code == 3
    assert "already" in again.err


def test_an_export_has_what_is_private_black_and_says_so(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    left = "[[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]"
    (tmp_path / "with.toml").write_text(f'[cameras.door]\nsource = "demo:"\nprivacy_masks = {left}\n')
    span = as_json(tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(recorded), "--json").out)[
        "spans"
    ][0]
    words = ["export", "--camera", "door", "--data", str(recorded), "--from", span["start"], "--to", span["end"]]
    settings = ["--config", str(tmp_path / "with.toml")]
    result = tawny(*words, "-o", "clip.mp4", *settings)
    assert "black" in result.out
    assert tawny(*words, "-o", "whole.mp4", *settings, "--unmasked").code == 0
    sides = {}
    for name in ("clip", "whole"):
        with av.open(str(tmp_path / f"{name}.mp4")) as film:
            grey = next(film.decode(video=0)).to_ndarray(format="gray")
        sides[name] = grey[:, : grey.shape[1] // 2 - 4].mean()
    assert sides["clip"] < 24 < sides["whole"]


def test_an_export_can_be_split(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    span = as_json(tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(recorded), "--json").out)[
        "spans"
    ][0]
    words = ["export", "--camera", "door", "--data", str(recorded), "--from", span["start"], "--to", span["end"]]
    assert tawny(*words, "-o", "part.mp4", "--split", "1s").code == 0
    assert len(list(tmp_path.glob("part *.mp4"))) >= 2


@pytest.mark.parametrize(
    ("kind", "begins"),
    [("--gif", b"GIF89a"), ("--timelapse=2", b"\0\0\0"), ("--sheet=3x2", b"\xff\xd8"), ("--side-by-side", b"\0\0\0")],
)
def test_other_things_can_be_made_of_the_past(
    tawny: Tawny, recorded: Path, tmp_path: Path, kind: str, begins: bytes
) -> None:
    span = as_json(tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(recorded), "--json").out)[
        "spans"
    ][0]
    camera = "door,door" if kind == "--side-by-side" else "door"
    words = ["export", "--camera", camera, "--data", str(recorded), "--from", span["start"], "--to", span["end"]]
    result = tawny(*words, "-o", "made", kind, "--json")
    assert result.code == 0, result.err
    assert (tmp_path / "made").read_bytes().startswith(begins)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name not in ("config", "share")] == ["made"]


def test_what_cannot_be_made_leaves_no_file(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    words = [
        "export",
        "--camera",
        "door",
        "--data",
        str(recorded),
        "--from",
        "2001-01-01",
        "--to",
        "2001-01-01T00:00:09",
    ]
    result = tawny(*words, "-o", "made.gif", "--gif")
    assert (result.code, (tmp_path / "made.gif").exists()) == (3, False)


def test_an_export_of_nothing_says_so(tawny: Tawny, recorded: Path) -> None:
    result = tawny(
        "export",
        "--camera",
        "door",
        "--data",
        str(recorded),
        "--from",
        "2001-01-01",
        "--to",
        "2001-01-02",
        "-o",
        "x.mp4",
    )
    assert result.code == 3
    assert "No recording from door" in result.err


def test_times_must_be_the_right_way_round(tawny: Tawny, recorded: Path) -> None:
    result = tawny(
        "timeline",
        "--camera",
        "door",
        "--from",
        "yesterday",
        "--data",
        str(recorded),
        "--from",
        "now",
        "--to",
        "yesterday",
    )
    assert result.code == 2
    assert "Swap them" in result.err


def test_a_rehearsal_of_pruning_removes_nothing(tawny: Tawny, recorded: Path) -> None:
    before = sorted(recorded.rglob("*.mp4"))
    result = tawny("prune", "--dry-run", "--data", str(recorded), "--json")
    data = as_json(result.out)
    assert (data["removed"], data["removals"]) == (False, [])
    assert sorted(recorded.rglob("*.mp4")) == before


def test_events_of_a_quiet_time(tawny: Tawny, recorded: Path) -> None:
    result = tawny("events", "--data", str(recorded))
    assert result.code == 0
    assert "No events" in result.out
    assert tawny("events", "--data", str(recorded), "--json").out == ""


def test_an_event_that_is_followed_is_followed_to_its_end(
    tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its type and level change while it lasts."""
    start_ms = SystemClock().now_ms()
    motion = Event(new_event_id(start_ms), DOOR, "motion", start_ms, None, 10.0, level="motion")
    person = replace(motion, kind="person", level="alert")
    other = replace(person, id=new_event_id(start_ms + 1))
    found = [("started", motion), ("started", other), ("updated", person), ("ended", person.ended(start_ms + 5000))]
    answer = [json_format.message(EventChanged(what, event), 0) for what, event in found]
    monkeypatch.setattr(events, "follow", lambda *_: iter(answer))
    done = tawny("events", "--follow", "--json", "--kind", "motion", "--level", "motion", "--data", str(recorded))
    followed = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["type"], one["id"]) for one in followed if "type" in one and one["type"].startswith("event.")] == [
        (f"event.{what}", motion.id) for what in ("started", "updated", "ended")
    ]


@pytest.mark.parametrize(("begin", "count"), [((), 1), (("--from", "24 h ago"), 2)])
def test_a_program_that_follows_gets_past_events_only_if_it_asks(
    tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch, begin: tuple[str, ...], count: int
) -> None:
    """They came first, in another form than what it follows."""
    now_ms = SystemClock().now_ms()
    event = Event(new_event_id(now_ms), DOOR, "motion", now_ms, None, 10.0)
    later = replace(event, id=new_event_id(now_ms + 1))
    found = [{"type": "following"}, *(json_format.message(EventChanged("started", one), 0) for one in (event, later))]
    monkeypatch.setattr(events, "_past", lambda *_: [event])
    monkeypatch.setattr(events, "follow", lambda *_: iter(found if begin else found[::2]))
    done = tawny("events", "--follow", "--json", *begin, "--data", str(recorded))
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert (len(lines), lines[-1]["type"]) == (count, "event.started")


def test_what_happens_while_the_recorder_restarts_is_printed_when_it_is_back(
    tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each: one event was over before, one ended meanwhile, one began and ended, one goes on."""
    now_ms = SystemClock().now_ms()
    over, ends, short, lasts, other = (
        Event(new_event_id(now_ms + 60_000 + n), DOOR, "motion", now_ms + 60_000 + n, None, 10.0) for n in range(5)
    )
    found = [over.ended(now_ms + 70_000), ends.ended(now_ms + 80_000), short.ended(now_ms + 80_000), lasts]

    def line(what: str, event: Event) -> Mapping[str, Any]:
        message = json_format.message(EventChanged(what, event), 0)
        assert message is not None
        return message

    first = [line("started", over), line("ended", found[0]), line("started", ends)]
    connections = iter([first, None, [line("started", lasts), line("started", other)]])
    restarts = iter([False, True, True])  # it stops once more at once

    def ask(_folder: Path, _request: object) -> Iterator[Mapping[str, Any]]:
        lines = next(connections)
        if lines is None:
            raise NotDone("No tawny is running.", "")
        yield from [{"type": "following"}, *lines]

    def is_running(_folder: Path) -> bool:
        answer = next(restarts, None)
        if answer is None:
            raise StorageError("/data", "a test ends here")
        return answer

    monkeypatch.setattr(control_client, "ask", ask)
    monkeypatch.setattr(control_client, "is_running", is_running)
    monkeypatch.setattr(control_client, "AGAIN_S", 0.0)
    monkeypatch.setattr(events, "_past", lambda *_: found)
    done = tawny("events", "--follow", "--json", "--data", str(recorded))
    followed = [json.loads(one) for one in done.out.splitlines()]
    assert [(one["type"].removeprefix("event."), one["id"]) for one in followed] == [
        ("started", over.id), ("ended", over.id), ("started", ends.id),
        ("ended", ends.id), ("started", short.id), ("ended", short.id), ("started", lasts.id), ("started", other.id),
    ]  # fmt: skip
    assert f"The tawny recording to {recorded} has stopped." in done.err


def test_what_was_missed_is_looked_for_since_the_last_message(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not since the begin of an event that goes on for a day; and from then on, where the clock was set back."""
    clock = FakeClock()
    monkeypatch.setattr(events, "SystemClock", lambda: clock)
    followed = events.FollowedEvents(Namespace(camera=None, kind=None, level=None))
    clock.advance(86_400)
    now_ms = clock.now_ms()
    followed.have([Event(new_event_id(now_ms), DOOR, "motion", now_ms - 80_000_000, None, 10.0)])
    list(followed.of([{"type": "segment.closed", "time": utc_text(now_ms)}]))
    clock.advance(30)
    assert followed.unheard().begin == utc_text(now_ms - events.UNHEARD_MS)
    clock.jump_utc(-10 * 86_400)
    assert followed.unheard().begin == utc_text(clock.now_ms() - events.UNHEARD_MS)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("events", "--camera", "porch"), 3, "Available cameras: door."),
        (
            ("export", "--camera", "door", "--from", "yesterday", "--to", "now", "-o", "no/x.mp4"),
            3,
            "Folder no doesn't exist.",
        ),
        (("export", "--camera", "door", "--from", "yesterday", "--to", "now", "-o", "."), 3, "already exists"),
        (("rules", "test", "--camera", "door", "--at", "funday"), 2, "sunday 23:00"),
        (("scan", "nothing.mp4"), 1, "name and folder"),
    ],
    ids=lambda value: value[0] + " " + value[-1] if isinstance(value, tuple) else "",
)
def test_what_is_not_there_is_named(words: tuple[str, ...], code: int, says: str, tawny: Tawny, recorded: Path) -> None:
    folder = () if words[0] == "scan" else ("--data", str(recorded))
    result = tawny(*words, *folder)
    assert result.code == code
    assert says in result.err + result.out
    assert (result.err + result.out).count("nothing.mp4") <= 1  # not named twice


def test_a_sound_is_listed_with_its_classes() -> None:
    heard = tuple(SeenObject(label, 0.9) for label in ("bark", "glass"))
    sound = Event(EventId("e1"), DOOR, "sound", 1000, 4000, 90.0, objects=heard)
    assert events.row(json_format.event(sound))[3] == "sound (bark, glass)"
    assert events.row(json_format.event(replace(sound, objects=())))[3] == "sound"


def test_without_settings_a_camera_is_found_by_its_folder(tawny: Tawny, recorded: Path) -> None:
    result = tawny("find", "door", "yesterday", "--data", str(recorded), "--json")
    assert as_json(result.out)["unknown"] == []


def test_a_removed_camera_is_found_by_its_name(tawny: Tawny, archive: Path) -> None:
    (archive / "tawny.toml").write_text('[removed_cameras.door]\nname = "Old shed"\n')
    result = tawny("find", "old", "shed", "yesterday", "--data", str(archive), "--json")
    assert as_json(result.out)["unknown"] == []


def test_a_removed_camera_without_recordings_is_not_known(tawny: Tawny, archive: Path) -> None:
    (archive / "tawny.toml").write_text('[removed_cameras.gone]\nname = "Old shed"\n')
    result = tawny("find", "old", "shed", "yesterday", "--data", str(archive), "--json")
    assert as_json(result.out)["unknown"] == ["old", "shed"]


def test_status_needs_a_running_recorder(tawny: Tawny, recorded: Path) -> None:
    result = tawny("status", "--data", str(recorded))
    assert result.code == 3
    assert "No tawny is running" in result.err


def test_a_token_is_made_for_an_owner(tawny: Tawny, recorded: Path) -> None:
    data = as_json(tawny("setup-link", "--data", str(recorded), "--json").out)
    assert data["link"].endswith(f"/setup#token={data['token']}")


def test_integrations_are_listed_with_what_they_do(tawny: Tawny, recorded: Path) -> None:
    items = [
        {
            "name": "post",
            "kind": "emit",
            "where": "http://nas",
            "sent": 3,
            "waiting": 1,
            "dropped": 0,
            "trouble": "Full.",
        },
        {"name": "panel", "kind": "input", "where": "webhook", "may": ["modes", "event"], "said": "ok"},
    ]
    with answering(recorded, Bus(), {"programs": lambda _: {"items": items}}):
        result = tawny("integrations", "--data", str(recorded))
        data = as_json(tawny("integrations", "--data", str(recorded), "--json").out)
    assert (result.code, data["items"]) == (1, items)
    assert "3 sent, 1 waiting, 0 dropped  Full." in result.out
    assert "may modes, event" in result.out


def test_rules_are_tested_for_a_mode(tawny: Tawny, recorded: Path) -> None:
    asked: list[dict[str, Any]] = []
    outcome = {"deed": "notify phone", "does": True, "why": "Rule 1.", "went": ""}
    answer = {
        "at": "", "when": "Sunday 23:00", "mode": "away", "by": "schedule", "home": [], "recorded": True,
        "unrecorded": "", "noticed": True, "outcomes": [outcome],
    }  # fmt: skip

    def rehearse(wanted: dict[str, Any]) -> dict[str, Any]:
        asked.append(wanted)
        return answer

    with answering(recorded, Bus(), {"rehearse": rehearse}):
        result = tawny("rules", "test", "--camera", "door", "--mode", "away", "--data", str(recorded))
    assert result.code == 0, result.err
    assert result.out.startswith("Sunday 23:00: mode away (schedule); home: nobody.\nRecorded: yes.\n")
    assert "notify phone" in result.out
    assert {"camera": "door", "mode": "away", "kind": "person"}.items() <= asked[0].items()


def test_a_camera_is_tried_and_added(tawny: Tawny, tmp_path: Path) -> None:
    assert tawny("init").code == 0
    result = tawny("cameras", "add", "hall", "demo:hall", "--json")
    data = as_json(result.out)
    assert data["streams"]["main"]["codec"] == "h264"
    checked = tawny("config", "check", "--json")
    assert as_json(checked.out) == {"ok": True, "file": "tawny.toml", "cameras": 1, "warnings": []}


def test_a_camera_is_added_without_a_test_when_asked_so(tawny: Tawny, tmp_path: Path) -> None:
    result = tawny("cameras", "add", "hall", "rtsp://192.0.2.1/x", "--skip-test")
    assert (result.code, result.out.startswith("Added hall to tawny.toml.")) == (0, True), result.err
    assert tawny("cameras").code == 2


def test_the_settings_in_force_hide_passwords(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text(
        '[cameras.a]\nsource = "rtsp://u:s3cret@192.0.2.1/x"\n'
        'event_api = { maker = "dahua", url = "http://u:s3cret@192.0.2.1" }\n'
        '[hub]\ndatabase = "postgresql://u:s3cret@db.example.org/tawny?password=s3cret"\n'
        '[updates]\nurl = "https://example.org/releases?private_token=s3cret"\n'
        '[web.secure]\ndns_secrets = { auth_key = "s3cret-key", auth_username = "s3cret-user" }\n'
    )
    result = tawny("config", "show")
    assert 'cameras.a.event_api.url = "http://192.0.2.1"' in result.out
    assert 'cameras.a.source = "rtsp://192.0.2.1/x"' in result.out
    assert 'web.secure.dns_secrets.auth_key = "(set)"' in result.out
    assert "s3cret" not in result.out


def test_the_schema_describes_every_setting(tawny: Tawny) -> None:
    data = as_json(tawny("config", "schema", "--json").out)
    assert {"storage", "web", "cameras"} <= set(data["properties"])


def test_the_unit_restarts_watches_and_locks_in(tawny: Tawny, tmp_path: Path) -> None:
    tawny("init")
    unit = tawny("service", "show", "--data", "data").out
    for line in ("Restart=always", "WatchdogSec=30", "ProtectSystem=strict", f"ReadWritePaths={tmp_path}/data"):
        assert line in unit


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, tawny: Tawny, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        tawny(command, "--help")
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_what_happened_is_found_by_words(tawny: Tawny, recorded: Path) -> None:
    result = tawny("find", "person", "at", "the", "moon", "yesterday", "--data", str(recorded))
    assert result.code == 0
    assert result.out == "No matching events (yesterday).\n"
    assert "Ignored unknown words: moon" in result.err
    found = json.loads(tawny("find", "anything", "--json", "--data", str(recorded)).out)
    assert set(found) == {"events", "time", "unknown"}


def test_that_there_are_more_than_are_shown_is_said(tawny: Tawny, archive: Path) -> None:
    now_ms = SystemClock().now_ms()
    index = SqliteIndex(archive / "tawny.db", Catalogue(Volume.at(archive)))
    for number in range(3):
        index.put_event(Event(EventId(f"e{number}"), DOOR, "animal", now_ms - 2000, now_ms - 1000, 80.0))
    index.close()
    for most, text in (("2", "Only the first 2; `--most N` shows more.\n"), ("3", "")):
        found = tawny("find", "animals", "--most", most, "--data", str(archive))
        assert (found.out.count("animal"), found.err) == (int(most), text)


def test_find_on_boxes_says_that_there_may_be_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tawny: Tawny
) -> None:
    found = {"events": [], "missing": [], "unknown": [], "time": "yesterday", "more": True}
    monkeypatch.setattr(events, "running_data", lambda _: tmp_path)
    monkeypatch.setattr(events, "ask_once", lambda *_: found)
    assert "There may be more" in tawny("find", "red", "--on", "boxes").err


def test_when_something_moved_in_a_spot_is_found(tawny: Tawny, recorded: Path) -> None:
    with index_to_read(recorded) as index:
        bounds = index.bounds(DOOR)
    assert bounds is not None
    grids = MotionGrids(Volume.at(recorded), SystemClock())
    grids.put(DOOR, bounds.begin_ms, grid_of((0.1, 0.1, 0.2, 0.3)))
    grids.flush()
    words = ("find", "door", "today", "and", "yesterday", "--data", str(recorded))
    (moment,) = json.loads(tawny(*words, "--spot", "0.1,0.2,0.3,0.9", "--json").out)["moments"]
    assert (moment["camera"], moment["start"][:19]) == ("door", utc_text(bounds.begin_ms)[:19])
    assert "door" in tawny(*words, "--spot", "0.1,0.2,0.3,0.9").out
    assert "No motion there" in tawny(*words, "--spot", "0.6,0.6,0.9,0.9").out
    alone = tawny("find", "--spot", "0.1,0.2,0.3,0.9", "--json", "--data", str(recorded))
    assert [each["camera"] for each in json.loads(alone.out)["moments"]] == ["door"]
    refused = tawny("find", "--data", str(recorded))
    assert (refused.code, "--spot" in refused.err) == (2, True)
    refused = tawny(*words, "--spot", "0.6,0.6,0.5,2")
    assert (refused.code, "isn't a valid area" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("event", "open", "door", "--score", "abc"), "--score abc isn't a number."),
        (("demo", "--cameras", "two"), "--cameras two isn't a whole number."),
    ],
)
def test_a_number_that_is_none_is_named(words: tuple[str, ...], told: str, tawny: Tawny) -> None:
    result = tawny(*words)
    assert result.code == 2
    assert told in result.err
    assert "float" not in result.err


def test_a_user_id_without_a_name_deletes(tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_user_name(monkeypatch)
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"files": 0, "events": 0, "bytes": 0, "kept": 0}

    with answering(recorded, Bus(), {"delete": answer}):
        result = tawny("delete", "--everything", "--data", str(recorded))
    assert result.code == 0, result.err
    assert asked[0]["by"] == str(os.getuid())


def test_a_deletion_names_the_disks_that_are_away(tawny: Tawny, recorded: Path) -> None:
    answer = {"files": 0, "events": 0, "bytes": 0, "kept": 0, "away": ["/mnt/big"]}
    with answering(recorded, Bus(), {"delete": lambda _: answer}):
        result = tawny("delete", "--everything", "--yes", "--data", str(recorded))
    assert "What /mnt/big has of it is deleted when that disk is back." in result.out


def test_a_deletion_of_images_alone_says_how_many(tawny: Tawny, recorded: Path) -> None:
    answer = {"files": 0, "images": 3, "events": 0, "bytes": 600_000, "kept": 0}
    with answering(recorded, Bus(), {"delete": lambda _: answer}):
        result = tawny("delete", "--everything", "--yes", "--data", str(recorded))
    assert result.out == "600 kB in 0 files and 3 images at intervals, with 0 events, is deleted now.\n"


def test_names_in_modes_that_do_not_exist_are_warned_of(tawny: Tawny, tmp_path: Path) -> None:
    """A camera was recorded where its owner believed it private."""
    config = tmp_path / "tawny.toml"
    text = '[cameras.kitchen]\nsource = "demo:front"\n[notifiers.phone]\nurl = "ntfy://ntfy.sh/topic"\n'
    config.write_text(text + "[removed_cameras.barn]\n[modes.home.cameras.barn]\nprivacy = true\n")
    assert tawny("config", "check", "--config", str(config)).err == ""
    more = '[modes.home.cameras.kichen]\nprivacy = true\n[modes.away.doors]\nchannels = ["phnoe"]\n'
    config.write_text(text + more)
    result = tawny("config", "check", "--config", str(config))
    assert (result.code, "is valid" in result.out) == (0, True)
    assert "Warning: modes.home.cameras.kichen: found the camera 'kichen'; allowed: kitchen" in result.err
    assert "modes.away.doors.channels: found 'phnoe'; allowed: notification channels: phone" in result.err


def test_a_standby_link_without_a_recorder_changes_nothing(tawny: Tawny, archive: Path, tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text(f'[storage]\npath = "{archive}"\n')
    result = tawny("standby", "link", "--config", str(config))
    assert result.code == 3
    assert "No tawny is running" in result.err
    assert config.read_text() == f'[storage]\npath = "{archive}"\n'
    assert not (archive / STANDBY_FILE).exists()
