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
    said = tawny("export", "--data", str(recorded), "--camera", "door", *SPAN, "--evidence", "-o", "proof", "--json")
    assert said.code == 0, said.err
    return tmp_path / "proof", json.loads(said.out)["fingerprint"]


def test_a_stranger_with_the_fingerprint_is_told_that_it_holds(
    tawny: Tawny, exported: tuple[Path, str], tmp_path: Path
) -> None:
    elsewhere = copytree(exported[0], tmp_path / "elsewhere")
    said = tawny("verify", str(elsewhere), "--recorder", exported[1], "--json")
    assert said.code == 0, said.out
    told = json.loads(said.out)
    assert (told["ok"], told["problems"], told["camera"]) == (True, [], "door")
    text = tawny("verify", str(elsewhere), "--recorder", exported[1]).out
    assert "VERIFIED: door" in text
    assert f"Recorded from {told['recorded_from']} to {told['recorded_to']}. The camera's name" in text


def test_without_the_fingerprint_nothing_is_certain(tawny: Tawny, exported: tuple[Path, str]) -> None:
    said = tawny("verify", str(exported[0]))
    assert said.code == 1
    assert "RECORDER NOT VERIFIED" in said.out


def test_what_was_changed_is_wrong(tawny: Tawny, exported: tuple[Path, str]) -> None:
    film = exported[0] / "000.mp4"
    film.write_bytes(film.read_bytes()[:-1] + b"\0")
    said = tawny("verify", str(exported[0]), "--recorder", exported[1])
    assert (said.code, "FAILED: 000.mp4 was modified" in said.out) == (1, True)


def test_the_export_itself_says_what_is_not_signed_yet(tawny: Tawny, tmp_path: Path) -> None:
    box = Box(tmp_path, utc_text(round(time.time() * 1000) - 240_000))
    box.record()
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *SPAN, "--evidence")
    said = tawny(*words, "-o", "early", "--json")
    told = json.loads(said.out)
    assert (said.code, told["ok"], told["problems"], told["not_signed"]) == (1, False, [], told["recordings"])
    due_s = utc_from_text(told["signed_after"]) / 1000 - time.time()
    assert 0 < due_s <= 660
    said = tawny(*words, "-o", "again")
    assert f"{told['recordings']} of these recordings can't be verified yet" in said.out
    assert f"Export again after {time_text(utc_from_text(told['signed_after']))}" in said.out
    box.sign()
    assert tawny(*words, "-o", "proof").code == 0
    assert tawny("verify", "proof", "--recorder", told["fingerprint"]).code == 0


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
    told = json.loads(tawny(*words, "--evidence", "-o", "proof", "--json").out)
    (lost,) = told["unreadable"]
    assert lost["start"] == utc_text(newest.start_ms)
    assert [one for one in told["not_recorded"] if lost["start"] <= one["start"] < lost["end"]] == []


def test_the_export_itself_says_when_what_is_being_written_is_signed(tawny: Tawny, tmp_path: Path) -> None:
    newest = with_an_open_file(Box(tmp_path, utc_text(round(time.time() * 1000) - 240_000)))
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", *SPAN, "--evidence")
    told = json.loads(tawny(*words, "-o", "early", "--json").out)
    assert (told["not_signed"], [one["start"] for one in told["unreadable"]]) == (0, [utc_text(newest.start_ms)])
    assert told["signed_after"] == utc_text(newest.start_ms + 1_320_000)
    said = tawny(*words, "-o", "again")
    assert (said.code, f"\nExport again after {time_text(newest.start_ms + 1_320_000)}." in said.out) == (1, True)


def test_the_export_itself_says_what_cannot_be_verified(tawny: Tawny, archive: Path) -> None:
    path = min((archive / "door").rglob("*.main.mp4"))
    data = path.read_bytes()
    at = data.index(b"mdhd") + 20
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    words = ("export", "--data", str(archive), "--camera", "door", *SPAN, "--evidence")
    said = tawny(*words, "-o", "proof")
    assert said.code == 1
    assert "FAILED: 000: fragment 1 doesn't match the recording" in said.out
    told = json.loads(tawny(*words, "-o", "other", "--json").out)
    assert (told["ok"], told["not_signed"], told["signed_after"]) == (False, 0, None)
    assert any("doesn't match the recording" in problem for problem in told["problems"])


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
    said = tawny(*words, "-o", "proof")
    assert said.code == 1
    lacks = f"from {time_text(lost.start_ms)} to {time_text(lost.end_ms)}: "
    assert f"MISSING, because it can't be read or proven:\n  {lacks}" in said.out
    told = json.loads(tawny(*words, "-o", "again", "--json").out)
    assert (told["ok"], told["problems"], told["not_signed"]) == (False, [], 0)
    assert [(one["start"], one["end"]) for one in told["unreadable"]] == [
        (utc_text(lost.start_ms), utc_text(lost.end_ms))
    ]
    said = tawny("verify", "proof", "--recorder", told["fingerprint"])
    assert (said.code, f"Note: the recording from {utc_text(lost.start_ms)}" in said.out) == (0, True)


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
    said = tawny(*words, "-o", "proof")
    assert (said.code, "1 min not recorded (there is no recording, and no gap was noted)" in said.out) == (1, True)
    assert f"  from {time_text(thinned.start_ms)} to {time_text(thinned.end_ms)}: only its keyframes" in said.out
    told = json.loads(tawny(*words, "-o", "again", "--json").out)
    assert (told["ok"], told["unreadable"][0]["start"]) == (False, utc_text(thinned.start_ms))
    assert told["not_recorded"][0]["start"] == utc_text(gone.start_ms)


def test_a_film_that_was_added_is_wrong(tawny: Tawny, exported: tuple[Path, str]) -> None:
    (exported[0] / "clip-2.mp4").write_bytes((exported[0] / "clip.mp4").read_bytes())
    said = tawny("verify", str(exported[0]), "--recorder", exported[1])
    assert (said.code, "VERIFIED: " in said.out) == (1, False)
    assert "FAILED: clip-2.mp4 was added: it isn't part of the evidence." in said.out


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
    said = tawny(*words, "--key", "other.key", "--evidence", "-o", "proof")
    assert (said.code, "another key. Give `--key FILE` for each" in said.err) == (
        3,
        True,
    ), said.err
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
    said = tawny("export", "--data", str(recorded), "--camera", "door", *SPAN, "--evidence", "-o", "proof")
    told = "The disk at proof is full. Free up space there, or write to another disk (`-o`)."
    assert (said.code, said.err) == (31, f"tawny: {told}\n")


def test_a_zip_file_is_to_be_unpacked_first(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "porch.zip").write_bytes(b"PK")
    said = tawny("verify", "porch.zip")
    assert (said.code, "unpack it" in said.err) == (3, True)


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
    said = tawny(*words, *more)
    assert said.code == code, said.err
    assert says in said.err


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
        said = tawny(*words, "-o", "proof", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["recordings"] == 1
    assert tawny("verify", "proof", "--recorder", told["fingerprint"]).code == 0
