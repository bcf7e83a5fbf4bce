"""`tawny export --evidence` and `tawny verify`: from one machine to another that has no recorder."""

import errno
import json
import time
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tawny.cli.options import time_text
from tawny.model.segments import Segment
from tawny.model.times import utc_from_text, utc_text
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.layout import segment_name
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import rebuild_index
from tawny.storage.retention.thinning import thin
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tests.cli.conftest import Tawny
from tests.service.retention.archive_bench import ArchivedSite, bucket_server, moved_sealed
from tests.storage.test_clock_set_back import MAIN, PORCH, Box

SPAN = ("--from", "1 h ago", "--to", "now")
LONG_AGO = ("--from", "2 days ago", "--to", "1 day ago")


@pytest.fixture
def exported(tawny: Tawny, recorded: Path, tmp_path: Path) -> tuple[Path, str]:
    result = tawny("export", "--data", str(recorded), "--camera", "door", *SPAN, "--evidence", "-o", "proof", "--json")
    assert result.code == 0, result.err
    return tmp_path / "proof", json.loads(result.out)["fingerprint"]


def test_a_stranger_with_the_fingerprint_is_told_that_it_holds(
    tawny: Tawny, exported: tuple[Path, str], tmp_path: Path
) -> None:
    elsewhere = copytree(exported[0], tmp_path / "elsewhere")
    result = tawny("verify", str(elsewhere), "--recorder", exported[1], "--json")
    assert result.code == 0, result.out
    data = json.loads(result.out)
    assert (data["ok"], data["problems"], data["camera"]) == (True, [], "door")
    text = tawny("verify", str(elsewhere), "--recorder", exported[1]).out
    assert "VERIFIED: door" in text
    assert f"Recorded from {data['recorded_from']} to {data['recorded_to']}. The camera's name" in text


def test_without_the_fingerprint_nothing_is_certain(tawny: Tawny, exported: tuple[Path, str]) -> None:
    result = tawny("verify", str(exported[0]))
    assert result.code == 1
    assert "RECORDER NOT VERIFIED" in result.out


def test_what_was_changed_is_wrong(tawny: Tawny, exported: tuple[Path, str]) -> None:
    film = exported[0] / "000.mp4"
    film.write_bytes(film.read_bytes()[:-1] + b"\0")
    result = tawny("verify", str(exported[0]), "--recorder", exported[1])
    assert (result.code, "FAILED: 000.mp4 was modified" in result.out) == (1, True)


def test_the_export_itself_says_what_is_not_signed_yet(tawny: Tawny, tmp_path: Path) -> None:
    box = Box(tmp_path, utc_text(round(time.time() * 1000) - 240_000))
    box.record()
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *SPAN, "--evidence")
    result = tawny(*words, "-o", "early", "--json")
    data = json.loads(result.out)
    assert (result.code, data["ok"], data["problems"], data["not_signed"]) == (1, False, [], data["recordings"])
    due_s = utc_from_text(data["signed_after"]) / 1000 - time.time()
    assert 0 < due_s <= 660
    result = tawny(*words, "-o", "again")
    assert f"{data['recordings']} of these recordings can't be verified yet" in result.out
    assert f"Export again after {time_text(utc_from_text(data['signed_after']))}" in result.out
    box.sign()
    assert tawny(*words, "-o", "proof").code == 0
    assert tawny("verify", "proof", "--recorder", data["fingerprint"]).code == 0


def with_an_open_file(box: Box) -> Segment:
    """Sign recordings of which the last one isn't closed, and return that."""
    newest = box.index.segments(PORCH, MAIN, box.record())[-1]
    box.sign()
    name = segment_name(newest.path)
    assert name is not None
    box.volume.path(newest.path).rename(box.volume.path(replace(name, end_ms=None).path))
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    return newest


def test_what_a_power_cut_left_open_is_not_said_to_be_missing_as_well(tawny: Tawny, tmp_path: Path) -> None:
    newest = with_an_open_file(Box(tmp_path, utc_text(round(time.time() * 1000) - 14_400_000)))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", "--from", "5 h ago", "--to", "now")
    data = json.loads(tawny(*words, "--evidence", "-o", "proof", "--json").out)
    (lost,) = data["unreadable"]
    assert lost["start"] == utc_text(newest.start_ms)
    assert [one for one in data["not_recorded"] if lost["start"] <= one["start"] < lost["end"]] == []


def test_the_export_itself_says_when_what_is_being_written_is_signed(tawny: Tawny, tmp_path: Path) -> None:
    newest = with_an_open_file(Box(tmp_path, utc_text(round(time.time() * 1000) - 240_000)))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *SPAN, "--evidence")
    data = json.loads(tawny(*words, "-o", "early", "--json").out)
    assert (data["not_signed"], [one["start"] for one in data["unreadable"]]) == (0, [utc_text(newest.start_ms)])
    assert data["signed_after"] == utc_text(newest.start_ms + 1_320_000)
    result = tawny(*words, "-o", "again")
    assert (result.code, f"\nExport again after {time_text(newest.start_ms + 1_320_000)}." in result.out) == (1, True)


def test_the_export_itself_says_what_cannot_be_verified(tawny: Tawny, archive: Path) -> None:
    path = min((archive / "door").rglob("*.main.mp4"))
    data = path.read_bytes()
    at = data.index(b"mdhd") + 20
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    words = ("export", "--data", str(archive), "--camera", "door", *SPAN, "--evidence")
    result = tawny(*words, "-o", "proof")
    assert result.code == 1
    assert "FAILED: 000: fragment 1 doesn't match the recording" in result.out
    answer = json.loads(tawny(*words, "-o", "other", "--json").out)
    assert (answer["ok"], answer["not_signed"], answer["signed_after"]) == (False, 0, None)
    assert any("doesn't match the recording" in problem for problem in answer["problems"])


def test_the_export_itself_says_what_cannot_be_read(tawny: Tawny, tmp_path: Path) -> None:
    box = Box(tmp_path)
    span = box.record(300)
    box.sign()
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    lost = box.index.segments(PORCH, MAIN, span)[1]
    path = box.volume.path(lost.path)
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    when = ("--from", utc_text(span.begin_ms), "--to", utc_text(span.end_ms))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *when, "--evidence")
    result = tawny(*words, "-o", "proof")
    assert result.code == 1
    lacks = f"from {time_text(lost.start_ms)} to {time_text(lost.end_ms)}: "
    assert f"MISSING, because it can't be read or proven:\n  {lacks}" in result.out
    data = json.loads(tawny(*words, "-o", "again", "--json").out)
    assert (data["ok"], data["problems"], data["not_signed"]) == (False, [], 0)
    assert [(one["start"], one["end"]) for one in data["unreadable"]] == [
        (utc_text(lost.start_ms), utc_text(lost.end_ms))
    ]
    result = tawny("verify", "proof", "--recorder", data["fingerprint"])
    assert (result.code, f"Note: the recording from {utc_text(lost.start_ms)}" in result.out) == (0, True)


def test_the_export_itself_says_what_is_gone_and_what_cannot_be_proven(tawny: Tawny, tmp_path: Path) -> None:
    box = Box(tmp_path)
    span = box.record(300)
    box.sign()
    _, gone, thinned, *_ = box.index.segments(PORCH, MAIN, span)
    box.volume.path(gone.path).unlink()
    thin(box.volume, box.index, thinned)
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    when = ("--from", utc_text(span.begin_ms), "--to", utc_text(span.end_ms))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *when, "--evidence")
    result = tawny(*words, "-o", "proof")
    assert (result.code, "1 min not recorded (there is no recording, and no gap was noted)" in result.out) == (1, True)
    assert f"  from {time_text(thinned.start_ms)} to {time_text(thinned.end_ms)}: only its keyframes" in result.out
    data = json.loads(tawny(*words, "-o", "again", "--json").out)
    assert (data["ok"], data["unreadable"][0]["start"]) == (False, utc_text(thinned.start_ms))
    assert data["not_recorded"][0]["start"] == utc_text(gone.start_ms)


def test_a_film_that_was_added_is_wrong(tawny: Tawny, exported: tuple[Path, str]) -> None:
    (exported[0] / "clip-2.mp4").write_bytes((exported[0] / "clip.mp4").read_bytes())
    result = tawny("verify", str(exported[0]), "--recorder", exported[1])
    assert (result.code, "VERIFIED: " in result.out) == (1, False)
    assert "FAILED: clip-2.mp4 was added: it isn't part of the evidence." in result.out


def test_a_key_that_is_not_theirs_is_named_with_what_to_do(tawny: Tawny, tmp_path: Path) -> None:
    owner, other = Identity.new(), Identity.new()
    box = Box(tmp_path)
    box.seals = EpochKeys(box.signed, box.clock, lambda _: CameraSealing((owner.recipient,)))
    span = box.record(150)
    box.sign()
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    for name, identities in (("other.key", [other]), ("both.key", [other, owner])):
        (tmp_path / name).write_text("\n".join(one.text for one in identities))
    when = ("--from", utc_text(span.begin_ms), "--to", utc_text(span.end_ms))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *when)
    result = tawny(*words, "--key", "other.key", "--evidence", "-o", "proof")
    assert (result.code, "another key. Give `--key FILE` for each" in result.err) == (
        3,
        True,
    ), result.err
    assert not (tmp_path / "proof").exists()
    assert tawny(*words, "--key", "both.key", "--evidence", "-o", "proof").code == 0
    assert "`--key`" in tawny(*words, "-o", "clip.mp4").err


def test_a_full_disk_is_that_of_the_folder(tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def full(path: Path, *words: Any, **more: Any) -> None:
        if path.name == "proof":
            raise OSError(errno.ENOSPC, "No space left on device")
        mkdir(path, *words, **more)

    monkeypatch.setattr(Path, "mkdir", full)
    result = tawny("export", "--data", str(recorded), "--camera", "door", *SPAN, "--evidence", "-o", "proof")
    text = "The disk at proof is full. Free up space there, or write to another disk (`-o`)."
    assert (result.code, result.err) == (31, f"tawny: {text}\n")


def test_a_zip_file_is_to_be_unpacked_first(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "porch.zip").write_bytes(b"PK")
    result = tawny("verify", "porch.zip")
    assert (result.code, "unpack it" in result.err) == (3, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("verify", "nowhere"), 3, "doesn't exist"),
        (("verify", "."), 3, "no beginning"),
        (("verify", ".", "--recorder", "abc"), 2, "isn't a valid fingerprint"),
        (
            ("export", "--camera", "door", "--from", "2 days ago", "--to", "1 day ago", "--evidence", "-o", "x"),
            3,
            "no signed recording from door",
        ),
        (("export", "--camera", "door", *SPAN, "--evidence", "-o", "."), 3, "already"),
    ],
)
def test_bad_use_is_told(tawny: Tawny, recorded: Path, words: tuple[str, ...], code: int, says: str) -> None:
    more = ("--data", str(recorded)) if words[0] == "export" else ()
    result = tawny(*words, *more)
    assert result.code == code, result.err
    assert says in result.err


def test_encrypted_recordings_in_a_bucket_are_evidence_too(tawny: Tawny, tmp_path: Path) -> None:
    owner, config = Identity.new(), tmp_path / "tawny.toml"
    (tmp_path / "key.txt").write_text(owner.text)
    with bucket_server() as server:
        archived = ArchivedSite(tmp_path, server, "evidence")
        segment = moved_sealed(archived, owner)
        rebuild_index(archived.site.volume, archived.site.history)
        url, data = server.tier("evidence").url, archived.site.folder
        config.write_text(f'[storage]\npath = "{data}"\ntiers = [{{ url = "{url}", after = "1 day" }}]\n')
        span = ("--from", utc_text(segment.start_ms), "--to", utc_text(segment.end_ms))
        words = ("export", "--config", str(config), "--camera", "porch", *span, "--key", "key.txt", "--evidence")
        result = tawny(*words, "-o", "proof", "--json")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert answer["recordings"] == 1
    assert tawny("verify", "proof", "--recorder", answer["fingerprint"]).code == 0
