"""`tawny export`: exactly, in parts of a size, and of what is sealed, with its key. What comes out is looked at."""

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tawny.cli.export import not_recorded, short_words
from tawny.cli.output import Output
from tawny.config.settings import Settings
from tawny.model.errors import ArchiveAway
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span, utc_from_text, utc_text
from tawny.playback.clips import ClipCache, ClipFile
from tawny.playback.exports import ExportResult
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.layout import segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import index_to_read, index_to_write, rebuild_index
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, one_camera, rig
from tests.cli.conftest import Tawny
from tests.storage.test_clock_set_back import MAIN, PORCH, Box
from tests.support.bad_sector import bad_sector, cut_off
from tests.support.long_recording import BEGIN_MS, record_films

OWNER = Identity.new()


def sealed_camera(source: Path) -> Settings:
    more = (
        f'encrypt = true\n[encryption]\nrecipients = ["{OWNER.recipient}"]\nrecovery = "{Identity.new().recipient}"\n'
    )
    return one_camera(str(source), more)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    with rig(sealed_camera(clip_file(ClipSpec(seconds=6))), folder) as bench:
        bench.wait_for_seconds(4.5, DOOR)
    (folder / "key.txt").write_text(OWNER.text)
    return folder


def words(folder: Path, from_ms: int = 0, to_ms: int = 0) -> list[str]:
    """Of the longest recording, with so much left out at its begin and end."""
    with index_to_read(folder) as index:
        found = index.segments(CameraId("door"), None, Span(0, 1 << 45))
    one = max(found, key=lambda each: each.end_ms - each.start_ms)
    times = ("--from", utc_text(one.start_ms + from_ms), "--to", utc_text(one.end_ms - to_ms))
    return ["export", "--camera", "door", "--data", str(folder), *times]


def pictures(path: Path) -> list[Any]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]


def test_an_exact_clip_has_nothing_from_before(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    both: list[dict[str, Any]] = []
    for more in ((), ("--exact",)):
        result = tawny(*words(recorded, 1_500, 300), *more, "-o", f"clip{len(both)}.mp4", "--json")
        assert result.code == 0, result.err
        both.append(json.loads(result.out))
    assert (both[1]["exact"], both[1]["start"]) == (True, both[0]["start"])
    assert 0 < both[1]["encoded_anew"] < 15, "up to the next key picture"
    for number, (plain, exact) in enumerate(
        zip(pictures(tmp_path / "clip0.mp4"), pictures(tmp_path / "clip1.mp4"), strict=True)
    ):
        assert np.abs(plain.astype(int) - exact).mean() < 8, number
    assert "frames re-encoded" in tawny(*words(recorded, 1_500), "--exact", "-o", "again.mp4").out


@pytest.fixture
def borrowed(archive: Path) -> Path:
    """Recordings of a camera of another recorder, with a mask over everything."""
    mask = [[0, 0], [1, 0], [1, 1], [0, 1]]
    (archive / "history/borrowed-cameras.json").write_text(json.dumps({"door": {"privacy_masks": [mask]}}))
    return archive


@pytest.mark.parametrize("kind", [["-o", "clip.mp4"], ["--sheet", "2x1", "-o", "sheet.jpg"]])
def test_cameras_of_other_recorders_keep_their_masks(
    tawny: Tawny, borrowed: Path, tmp_path: Path, kind: list[str]
) -> None:
    done = tawny(*words(borrowed), *kind)
    assert done.code == 0, done.err
    assert all(image.mean() < 60 for image in pictures(tmp_path / kind[-1]))


def test_nothing_is_exported_while_the_masks_of_other_recorders_are_damaged(
    tawny: Tawny, borrowed: Path, tmp_path: Path
) -> None:
    (borrowed / "history/borrowed-cameras.json").write_text("{")
    done = tawny(*words(borrowed), "-o", "clip.mp4")
    assert (done.code, "is damaged" in done.err) == (3, True)
    assert not (tmp_path / "clip.mp4").exists()


@pytest.mark.parametrize("more", [["--unmasked", "-o", "clip.mp4"], ["--evidence", "-o", "proof"]])
def test_what_shows_no_masks_is_exported_while_those_of_other_recorders_are_damaged(
    tawny: Tawny, borrowed: Path, more: list[str]
) -> None:
    (borrowed / "history/borrowed-cameras.json").write_text("{")
    assert "is damaged" not in tawny(*words(borrowed), *more).err


def test_own_cameras_are_exported_while_masks_of_other_recorders_are_damaged(
    tawny: Tawny, borrowed: Path, tmp_path: Path
) -> None:
    (borrowed / "history/borrowed-cameras.json").write_text("{")
    (tmp_path / "tawny.toml").write_text('[cameras.door]\nsource = "rtsp://192.0.2.7/"\n')
    done = tawny(*words(borrowed), "-o", "clip.mp4")
    assert done.code == 0, done.err


def test_time_without_video_is_listed_with_its_reason() -> None:
    door, span = CameraId("door"), Span(10_000, 60_000)
    gaps = [
        Gap(door, 0, 15_000, GapReason.RECORDER_OFF, "power"),
        Gap(door, 20_000, 20_500, GapReason.WIFI),
        Gap(door, 30_000, None, GapReason.WAITING),
        Gap(door, 70_000, 80_000, GapReason.OFF),
    ]
    listed = [(one["s"], one["words"]) for one in not_recorded(gaps, span)]
    assert listed == [(5.0, "tawny wasn't running: power cut"), (30.0, "Nothing happened")]


@pytest.mark.parametrize("more", [[], ["--exact"], ["--stamp"]])
def test_what_is_missing_before_the_first_picture_is_listed(tawny: Tawny, archive: Path, more: list[str]) -> None:
    with index_to_read(archive) as index:
        first = index.segments(CameraId("door"), None, Span(0, 1 << 45))[0]
    gap = Gap(CameraId("door"), first.start_ms - 60_000, first.start_ms, GapReason.PRIVACY)
    volume = Volume.at(archive)
    with closing(HistoryJournal(volume.disk)) as history, closing(index_to_write(volume, history)) as made:
        made.put_gap(gap)
    times = ("--from", utc_text(first.start_ms - 5000), "--to", utc_text(first.end_ms))
    result = tawny("export", "--camera", "door", "--data", str(archive), *times, "-o", "clip.mp4", "--json", *more)
    assert result.code == 0, result.err
    listed = [(one["s"], one["words"]) for one in json.loads(result.out)["not_recorded"]]
    assert listed == [(5.0, "Paused for privacy")]


def test_time_before_the_first_recording_is_listed(tawny: Tawny, recorded: Path) -> None:
    with index_to_read(recorded) as index:
        first = index.segments(CameraId("door"), None, Span(0, 1 << 45))[0]
    times = ("--from", utc_text(first.start_ms - 5000), "--to", utc_text(first.end_ms))
    result = tawny("export", "--camera", "door", "--data", str(recorded), *times, "-o", "clip.mp4", "--json")
    listed = [(one["start"], one["words"]) for one in json.loads(result.out)["not_recorded"]]
    assert listed == [(utc_text(first.start_ms - 5000), "there is no recording, and no gap was noted")]


def test_recorded_time_that_cannot_be_read_is_listed(
    tawny: Tawny, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with index_to_read(archive) as index:
        found = index.segments(CameraId("door"), None, Span(0, 1 << 45))
    bad = max(found, key=lambda each: each.end_ms - each.start_ms)
    bad_sector(monkeypatch, archive / bad.path)
    times = ("--from", utc_text(found[0].start_ms), "--to", utc_text(found[-1].end_ms))
    result = tawny("export", "--camera", "door", "--data", str(archive), *times, "-o", "clip.mp4", "--json")
    assert result.code == 0, result.err
    (listed,) = (one for one in json.loads(result.out)["not_recorded"] if one["words"] == "Disk error")
    assert (listed["start"], listed["end"]) == (utc_text(bad.start_ms), utc_text(bad.end_ms))


@pytest.mark.parametrize("part", ["2s", "100kB"])
def test_parts_go_on_after_one_that_cannot_be_read(tawny: Tawny, tmp_path: Path, part: str) -> None:
    command = of_formats(tmp_path / "data", 320, 320)
    with index_to_read(tmp_path / "data") as index:
        first, _ = index.segments(DOOR, None, Span(0, 1 << 45))
    cut_off(tmp_path / "data" / first.path, 1)
    result = tawny(*command, "-o", "part.mp4", "--split", part, "--json")
    assert (result.code, json.loads(result.err.splitlines()[-1])["error"]["code"]) == (34, "damaged")
    written = [json.loads(line) for line in result.out.splitlines()]
    assert written[0]["start"] == utc_text(first.start_ms)
    assert written[-1]["start"] >= utc_text(first.end_ms)


def test_parts_in_the_hour_that_occurs_twice_have_names_that_sort(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_ms = utc_from_text("2026-11-01T05:00:00Z")
    for hour in (0, 1):
        record_films(tmp_path / "data", DOOR, [partial(clip_file, ClipSpec(seconds=2))], begin_ms + hour * 3_600_000)
    times = ("--from", utc_text(begin_ms), "--to", utc_text(begin_ms + 7_200_000))
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "America/New_York")
        time.tzset()
        result = tawny(
            "export", "--camera", DOOR, "--data", str(tmp_path / "data"), *times, "--split", "1h", "-o", "p.mp4"
        )
    time.tzset()
    assert result.code == 0, result.err
    assert sorted(one.name for one in tmp_path.glob("p *")) == [
        "p 2026-11-01 01.00.00.mp4",
        "p 2026-11-01 01B.00.00.mp4",
    ]


def test_parts_are_no_larger_than_was_said(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    assert tawny(*words(recorded), "-o", "whole.mp4").code == 0
    most = (tmp_path / "whole.mp4").stat().st_size * 2 // 3
    result = tawny(*words(recorded), "-o", "part.mp4", "--split", f"{most / 1000}kB")
    assert result.code == 0, result.err
    parts = sorted(tmp_path.glob("part *.mp4"))
    assert len(parts) >= 2
    assert all(part.stat().st_size <= most for part in parts)
    shown = sum(len(pictures(part)) for part in parts)
    assert abs(shown - len(pictures(tmp_path / "whole.mp4"))) <= len(parts)
    assert "such as 2GB" in tawny(*words(recorded), "-o", "x.mp4", "--split", "3 sheep").err


def test_an_error_that_passes_makes_no_part_larger(
    tawny: Tawny, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each, left = ClipCache.each, [ArchiveAway("s3://films", "timed out")]

    def away_at_first(*args: Any, **more: Any) -> Iterator[ClipFile]:
        if left:
            raise left.pop()
        yield from each(*args, **more)

    monkeypatch.setattr(ClipCache, "each", away_at_first)
    assert tawny(*words(recorded), "-o", "part.mp4", "--split", "1kB").code == ArchiveAway.exit_code
    assert list(tmp_path.glob("part*")) == []


def of_formats(folder: Path, *widths: int, over_ms: int = 0) -> list[str]:
    """Record 4 s of each width; each file begins so long before the end of the one before. Return the command."""
    for number, width in enumerate(widths):
        film = partial(clip_file, ClipSpec(width=width, height=160))
        record_films(folder, DOOR, [film], BEGIN_MS + number * (4000 - over_ms))
    times = ("--from", utc_text(BEGIN_MS), "--to", utc_text(BEGIN_MS + 4000 * len(widths)))
    return ["export", "--camera", DOOR, "--data", str(folder), *times]


@pytest.mark.parametrize("over_ms", [0, 1, 2000])
def test_each_format_has_its_file_however_their_times_overlap(tawny: Tawny, tmp_path: Path, over_ms: int) -> None:
    result = tawny(*of_formats(tmp_path / "data", 160, 240, 160, over_ms=over_ms), "-o", "clip.mp4")
    assert result.code == 0, result.err
    shown = [pictures(path) for path in tmp_path.glob("*.mp4")]
    assert sorted((len(found), found[0].shape[1]) for found in shown) == [(60, 160), (60, 160), (60, 240)]


@pytest.mark.parametrize("over_ms", [0, 1500])
def test_parts_after_a_change_of_format_are_no_larger_either(tawny: Tawny, tmp_path: Path, over_ms: int) -> None:
    command = of_formats(tmp_path / "data", 160, 480, 480, over_ms=over_ms)
    assert tawny(*command, "-o", "whole.mp4").code == 0
    most = max(path.stat().st_size for path in tmp_path.glob("whole*.mp4")) * 2 // 3
    result = tawny(*command, "-o", "part.mp4", "--split", f"{most / 1000}kB")
    assert result.code == 0, result.err
    parts = list(tmp_path.glob("part *.mp4"))
    assert all(part.stat().st_size <= most for part in parts)
    wholes = sum(len(pictures(path)) for path in tmp_path.glob("whole*.mp4"))
    assert abs(sum(len(pictures(part)) for part in parts) - wholes) <= len(parts)


def test_what_is_sealed_says_what_it_needs(tawny: Tawny, sealed: Path) -> None:
    for more in (["-o", "a.mp4"], ["--exact", "-o", "b.mp4"], ["--redact", "0,0 1,1", "-o", "c.mp4"]):
        result = tawny(*words(sealed), *more)
        assert result.code != 0
        assert "sealed" in result.err


def test_a_key_that_is_not_theirs_is_told_from_none(tawny: Tawny, sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text(Identity.new().text)
    for more in (["-o", "a.mp4"], ["--gif", "-o", "b.gif"]):
        result = tawny(*words(sealed), "--key", "other.txt", *more)
        assert (result.code, "another key. Give `--key FILE` for each" in result.err) == (3, True), result.err


def test_with_its_key_everything_can_be_made_of_what_is_sealed(tawny: Tawny, sealed: Path, tmp_path: Path) -> None:
    key = ["--key", str(sealed / "key.txt")]
    before = sorted(path.name for path in sealed.rglob("*"))
    result = tawny(*words(sealed, 1_500, 500), *key, "--exact", "-o", "exact.mp4", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["exact"]
    assert len(pictures(tmp_path / "exact.mp4")) >= 15
    assert tawny(*words(sealed), *key, "--redact", "0,0 0.5,1", "-o", "redacted.mp4").code == 0
    detail = [np.abs(np.diff(one.astype(int), axis=1)).mean(axis=0) for one in pictures(tmp_path / "redacted.mp4")]
    assert all(one[:140].mean() < 1.5 < 4 < one[180:].mean() for one in detail)
    assert tawny(*words(sealed), *key, "--gif", "-o", "made.gif").code == 0
    assert len(pictures(tmp_path / "made.gif")) > 10
    result = tawny(*words(sealed), *key, "--evidence", "--redact", "0,0 0.5,1", "-o", "proof", "--json")
    assert result.code == 0, result.err
    fingerprint = json.loads(result.out)["fingerprint"]
    for name in ("proof", "proof-original"):
        assert tawny("verify", name, "--recorder", fingerprint).code == 0
    assert len(pictures(tmp_path / "proof-original" / "clip.mp4")) > 30
    assert sorted(path.name for path in sealed.rglob("*")) == before, "nothing in the clear is left beside it"


# --- the container is that of the name


KINDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "as recorded": ([], {".mp4": "mov", ".mkv": "matroska", ".ts": "mpegts", ".h264": "h264", "": "mov"}),
    "masked": (["--redact", "0,0 0.5,1"], {".mp4": "mov", "": "mov"}),
    "exact": (["--exact"], {".mp4": "mov", ".mkv": "matroska", ".ts": "mpegts", ".h264": "h264", "": "mov"}),
    "time-lapse": (["--timelapse", "3"], {".mp4": "mov", "": "mov"}),
    "GIF": (["--gif"], {".gif": "gif", "": "gif"}),
    "sheet": (["--sheet", "2x2"], {".jpg": "image2", ".jpeg": "image2", "": "jpeg_pipe"}),
    "parts": (["--split", "2s"], {".mp4": "mov", ".mkv": "matroska", ".ts": "mpegts", ".h264": "h264", "": "mov"}),
}
"""The options of each kind of export, and FFmpeg's word for the container of each ending it can write."""
ENDINGS = ["", ".mp4", ".MP4", ".mkv", ".ts", ".h264", ".avi", ".mov", ".webm", ".gif", ".jpg", ".jpeg", ".png", ".zip"]


def probe(path: Path, *words: str) -> dict[str, Any]:
    """What the real ffprobe says of it."""
    result = subprocess.run(
        ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-count_packets", "-of", "json", *words, path],
        capture_output=True,
        check=True,
    )
    assert not result.stderr
    return dict(json.loads(result.stdout))


@pytest.mark.shows("PK19")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_what_its_name_says_or_is_not_written(
    tawny: Tawny, recorded: Path, tmp_path: Path, kind: str, ending: str
) -> None:
    more, known = KINDS[kind]
    result = tawny(*words(recorded), *more, "-o", f"clip{ending}")
    if ending.lower() in known:
        assert result.code == 0, result.err
        made = sorted(tmp_path.glob("clip*"))
        assert made
        assert all(probe(path)["format"]["format_name"].startswith(known[ending.lower()]) for path in made)
    else:
        assert result.code == 2
        assert all(one in result.err for one in known), "it names what is possible"
        assert not list(tmp_path.glob("clip*"))


@pytest.mark.shows("PK19")
def test_a_raw_file_holds_the_recorded_video_packets_alone(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    for name in ("clip.mp4", "clip.h264"):
        result = tawny(*words(recorded), "-o", name)
        assert result.code == 0, result.err
    streams = probe(tmp_path / "clip.h264")["streams"]
    assert [each["codec_name"] for each in streams] == ["h264"]
    hashes = frame_hashes(tmp_path / "clip.h264")
    assert len(hashes) > 20
    assert hashes == frame_hashes(tmp_path / "clip.mp4", "-ignore_editlist", "1")


def test_a_raw_file_of_another_codec_is_refused(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    result = tawny(*words(recorded), "-o", "clip.h265")
    assert result.code != 0
    assert ".h264" in result.err
    assert not list(tmp_path.glob("clip*"))


@pytest.mark.shows("RC22")
@pytest.mark.parametrize("ending", [".mkv", ".ts"])
@pytest.mark.parametrize("from_ms", [0, 1_500])
def test_another_container_holds_the_same_packets(
    tawny: Tawny, recorded: Path, tmp_path: Path, ending: str, from_ms: int
) -> None:
    data = {}
    for name in ("clip.mp4", f"clip{ending}"):
        result = tawny(*words(recorded, from_ms), "-o", name, "--json")
        assert result.code == 0, result.err
        data[name] = json.loads(result.out)
    one, other = tmp_path / "clip.mp4", tmp_path / f"clip{ending}"
    assert data[other.name]["size_bytes"] == other.stat().st_size
    hashes = [frame_hashes(path, "-ignore_editlist", "1") for path in (one,)] + [frame_hashes(other)]
    assert len(hashes[0]) > 20
    assert hashes[0] == hashes[1], "every picture, and no other"
    codecs = [
        [(each["codec_name"], each["nb_read_packets"]) for each in probe(path)["streams"]] for path in (one, other)
    ]
    assert codecs[0] == codecs[1]
    hidden_ms = ms(data[one.name]["start"]) - ms(data[other.name]["start"])
    assert hidden_ms == pytest.approx(1000 * (length_s(other) - length_s(one)), abs=70)
    assert (hidden_ms > 0) == (from_ms > 0), "what an MP4 hides is shown, and said"


def ms(utc: str) -> float:
    return datetime.fromisoformat(utc).timestamp() * 1000


def length_s(path: Path) -> float:
    """Of the video."""
    return float(probe(path)["format"]["duration"])


def frame_hashes(path: Path, *options: str) -> list[str]:
    """Of each picture that FFmpeg decodes, without its time."""
    words = ["ffmpeg", "-v", "error", *options, "-i", str(path), "-map", "0:v", "-f", "framemd5", "-"]
    result = subprocess.run(words, capture_output=True, check=True)
    assert not result.stderr
    return [line.split(",")[-1].strip() for line in result.stdout.decode().splitlines() if not line.startswith("#")]


def test_parts_of_a_size_are_mp4(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    result = tawny(*words(recorded), "-o", "clip.ts", "--split", "100kB")
    assert result.code == 2
    assert "15min" in result.err
    assert not list(tmp_path.glob("clip*"))


@pytest.mark.parametrize("more", ["--boxes", "--redact=0,0 0.2,0.2"])
def test_a_re_encoded_clip_says_where_it_really_begins_and_ends(tawny: Tawny, tmp_path: Path, more: str) -> None:
    command = of_formats(tmp_path / "data", 160, 240)
    command[command.index("--from") + 1] = utc_text(BEGIN_MS - 3000)
    result = tawny(*command, more, "-o", "clip.mp4", "--json")
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert (data["start"], data["cut_at"]) == (utc_text(BEGIN_MS), utc_text(BEGIN_MS + 4000))
    assert "where the video format changes: export the rest apart" in tawny(*command, more, "-o", "again.mp4").out


def test_what_a_file_lacks_is_said() -> None:
    made = ExportResult(0, elsewhere=(Span(0, 4000), Span(8000, 70_000)), is_mute=True)
    assert "; 66 s only in the other stream, so not in it; NO SOUND, because" in short_words(made)
    assert "in files of their own" in short_words(made, goes_on=True)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_is_being_written_is_exported_too(tawny: Tawny, tmp_path: Path, *, is_sealed: bool) -> None:
    box = Box(tmp_path, utc_text(round(time.time() * 1000) - 100_000))
    box.seals = EpochKeys(box.signed, box.clock, lambda _: CameraSealing((OWNER.recipient,)) if is_sealed else None)
    span = box.record(90)
    newest = box.index.segments(PORCH, MAIN, span)[-1]
    name = segment_name(newest.path)
    assert name is not None
    box.volume.path(newest.path).rename(box.volume.path(replace(name, end_ms=None).path))
    rebuild_index(box.volume, HistoryJournal(box.volume.disk))
    (tmp_path / "key.txt").write_text(OWNER.text)
    key = ("--key", "key.txt") if is_sealed else ()
    begin = utc_text(span.begin_ms)
    words = ("export", "--data", str(tmp_path / "data"), "--camera", "porch", "--from", begin, "--to", "now", *key)
    result = tawny(*words, "-o", "clip.mp4")
    assert result.code == 0, result.err
    with av.open(str(tmp_path / "clip.mp4")) as film:
        assert sum(1 for _ in film.demux(video=0) if _.size) == 90


def test_a_file_that_is_too_large_for_its_file_system_can_be_split(
    tawny: Tawny, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(ClipFile, "read", too_large)
    result = tawny(*words(recorded), "-o", "clip.mp4")
    assert (result.code, "Use `--split 2GB`" in result.err) == (3, True), result.err
    assert not (tmp_path / "clip.mp4").exists()


def test_a_full_disk_is_that_of_the_output(tawny: Tawny, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ClipFile, "read", full)
    result = tawny(*words(recorded), "-o", "clip.mp4")
    text = "The disk at clip.mp4 is full. Free up space there, or write to another disk (`-o`)."
    assert (result.code, result.err) == (31, f"tawny: {text}\n")


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_clip_has_its_name_only_when_it_is_complete(
    tawny: Tawny, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An export that was killed left a clip that looked finished, and was in the way of the next try."""
    left, other, read = tmp_path / ".tawny-export-a.mp4", tmp_path / ".tawny-export-b.mp4", ClipFile.read
    left.write_bytes(b"killed")
    folder = tmp_path / ".tawny-export-c"
    folder.mkdir()
    (folder / "film").write_bytes(b"killed")
    film = tmp_path / ".tawny-export-d" / "film"
    film.parent.mkdir()
    film.write_bytes(b"written by one that runs for days")
    for one in (left, folder / "film", folder, film.parent):
        os.utime(one, (1, 1))
    other.write_bytes(b"written by another one now")
    there = []

    def noted(clip: ClipFile, begin: int, end: int) -> Iterator[bytes]:
        there.append((tmp_path / name).exists())
        return read(clip, begin, end)

    monkeypatch.setattr(ClipFile, "read", noted)
    assert tawny(*words(recorded), "-o", name).code == 0
    assert not any(there)
    assert ((tmp_path / name).exists(), left.exists()) == (True, False)
    assert sorted(one.name for one in tmp_path.glob(".tawny*")) == [other.name, film.parent.name]
    assert film.exists()


@pytest.mark.parametrize("how", [[], ["--timelapse", "2"], ["--evidence"]])
def test_an_export_that_is_terminated_leaves_nothing(
    tawny: Tawny, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: list[str]
) -> None:
    """A service's stop, `timeout` and a logout left half an evidence folder under its name."""
    there: list[set[str]] = []

    def terminated(out: Output, line: str) -> None:
        if line and not there:
            there.append({path.name for path in tmp_path.iterdir()} - before)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Output, "progress", terminated)
    before = {path.name for path in tmp_path.iterdir()}
    ignored = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert tawny(*words(recorded), *how, "-o", "out" if how == ["--evidence"] else "out.mp4").code == 130
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, ignored)
    assert all(name == "out" or name.startswith(".tawny-export-") for name in there[0])
    assert (bool(there[0]), {path.name for path in tmp_path.iterdir()}) == (True, before)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--gif", "--stream", "sub"], "--stream sub"), (["--stamp", "--stream", "sub"], "--stream sub"),
        (["--sheet", "--split", "10s"], "--split"), (["--timelapse", "--exact"], "--exact"),
    ],
)  # fmt: skip
def test_an_option_that_would_do_nothing_is_refused(
    tawny: Tawny, recorded: Path, options: list[str], named: str
) -> None:
    result = tawny(
        "export", "--camera", "door", "--from", "9 s ago", "--to", "now", "--data", str(recorded), *options, "-o", "m"
    )
    assert result.code == 2
    assert f"{named} can't be combined with that option" in result.err


def test_a_time_lapse_says_what_is_missing(tawny: Tawny, recorded: Path) -> None:
    when = ["--from", "1 h ago", "--to", "now", "--timelapse"]
    result = tawny("export", "--camera", "door", *when, "--data", str(recorded), "-o", "a.mp4", "--json")
    assert result.code == 0, result.err
    assert sum(one["s"] for one in json.loads(result.out)["not_recorded"]) > 1800


@pytest.mark.parametrize("kind", ["--gif", "--sheet"])
def test_an_export_of_images_says_what_is_missing(tawny: Tawny, recorded: Path, kind: str) -> None:
    with index_to_read(recorded) as index:
        known = index.bounds(CameraId("door"))
    assert known
    when = ["--from", utc_text(known.begin_ms - 8000), "--to", utc_text(known.begin_ms + 2000), kind]
    result = tawny("export", "--camera", "door", *when, "--data", str(recorded), "-o", "made", "--json")
    assert result.code == 0, result.err
    assert 7 < sum(one["s"] for one in json.loads(result.out)["not_recorded"]) < 9


def test_a_time_lapse_that_stands_still_is_refused(tawny: Tawny, recorded: Path) -> None:
    result = tawny(
        "export",
        "--camera",
        "door",
        "--from",
        "2 days ago",
        "--to",
        "now",
        "--timelapse",
        "0",
        "--data",
        str(recorded),
        "-o",
        "a.mp4",
    )
    assert "must be 2 to" in result.err
