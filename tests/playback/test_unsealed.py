"""Sealed recordings for who has the key: what comes out is what a plain camera has, and nothing once it is locked."""

import gc
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import FileDamaged, FileSealed, StorageError
from tawny.model.segments import NotCarried, Segment
from tawny.model.times import Span
from tawny.playback.clips import ClipCache
from tawny.playback.decrypted import DecryptedRecordings
from tawny.playback.frame_reader import full_size
from tawny.playback.packet_reel import PacketReel
from tawny.playback.segment_player import play, reread_segment
from tawny.playback.stills import StillReader
from tawny.sealed.key_wrapping import Identity
from tests.playback.archives import MAIN, PORCH, FakeArchive
from tests.playback.sealed_archives import sealed, sealed_jpeg

T = 1_795_000_000_000
OWNER, OTHER = Identity.new(), Identity.new()


class Open(FakeArchive):
    """The same recordings for who has unlocked them."""

    def __init__(self, archive: FakeArchive, unsealed: DecryptedRecordings) -> None:
        super().__init__(archive.root)
        self.index, self.still_open, self.unsealed = archive.index, archive.still_open, unsealed

    def segment_path(self, segment: Segment) -> Path:
        stored = super().segment_path(segment)
        return self.unsealed.path(segment, stored) if segment.path.endswith(".tws") else stored


def unlocked(archive: FakeArchive, most_bytes: int = 10_000_000) -> Open:
    return Open(archive, DecryptedRecordings(OWNER, most_bytes=most_bytes))


def data_of(archive: FakeArchive, segment: Segment, from_ms: int = T) -> bytes:
    return b"".join(play(archive, segment, from_ms).data)


@pytest.mark.parametrize("audio", ["", "aac", "pcmu"])
def test_what_comes_out_is_what_was_recorded(archive: FakeArchive, audio: str) -> None:
    segment = archive.record(T, audio=audio)  # type: ignore[arg-type]
    plain, end = data_of(archive, segment, T + 1500), reread_segment(archive, segment).end
    answer, opened = sealed(archive, segment, [OWNER.recipient]), unlocked(archive)
    assert data_of(opened, answer, T + 1500) == plain
    assert reread_segment(opened, answer).end == end


def test_pictures_clips_and_reels_are_the_same(archive: FakeArchive) -> None:
    segments = [archive.record(T), archive.record(T + 4000)]
    span = Span(T + 1000, T + 7000)

    def all_of(of: FakeArchive) -> list[bytes]:
        clip, picture, exact = (
            ClipCache(of).clip(PORCH, MAIN, span, 10**7),
            StillReader(of).at(PORCH, T + 5500, 320),
            None,
        )
        exact = full_size(of, PORCH, T + 2300)
        assert clip
        assert picture
        assert exact
        return [b"".join(clip.read(0, clip.size_bytes)), picture.jpeg, exact[0], *reeled(of)]

    def reeled(of: FakeArchive) -> list[bytes]:
        reel, found = PacketReel(of, PORCH, MAIN, T + 3000, codec="h264"), list[bytes]()
        while (piece := reel.next()) is not None:
            found += [packet.data for packet in piece.packets]
        return found

    plain = all_of(archive)
    for segment in segments:
        sealed(archive, segment, [OWNER.recipient])
    assert all_of(unlocked(archive, most_bytes=1)) == plain, "also when only the last one is kept"


def test_without_the_key_it_is_said_that_it_is_sealed(archive: FakeArchive) -> None:
    result = sealed(archive, archive.record(T), [OTHER.recipient])
    for of in (archive, unlocked(archive)):
        with pytest.raises(FileSealed):
            play(of, result, T)
        with pytest.raises(FileSealed):
            StillReader(of).at(PORCH, T + 1000, 320)
        with pytest.raises(FileSealed):
            full_size(of, PORCH, T + 1000)
        with pytest.raises(FileSealed):
            ClipCache(of).clip(PORCH, MAIN, Span(T, T + 2000), 10**7)
        with pytest.raises(NotCarried, match="This recording is encrypted"):
            PacketReel(of, PORCH, MAIN, T, codec="h264").next()


def test_once_it_is_locked_nothing_is_read_on(archive: FakeArchive) -> None:
    answer, opened = sealed(archive, archive.record(T, seconds=30), [OWNER.recipient]), unlocked(archive)
    read = reread_segment(opened, answer)
    with read.path.open("rb", buffering=0) as reader:
        assert reader.read(8)[4:] == b"ftyp"
        reader.seek(0)
        opened.unsealed.close()
        assert reader.read() == b""
    with pytest.raises(StorageError):
        play(opened, answer, T)


def test_what_is_being_written_is_read_as_it_grows(archive: FakeArchive) -> None:
    segment = archive.record(T, is_open=True)
    whole = archive.segment_path(segment).read_bytes()
    answer, opened = sealed(archive, segment, [OWNER.recipient]), unlocked(archive)
    path = archive.segment_path(answer)
    stored = path.read_bytes()
    path.write_bytes(stored[: len(stored) * 3 // 4])
    before = data_of(opened, answer)
    assert whole.startswith(before)
    path.write_bytes(stored)
    assert data_of(opened, answer) == whole


def test_a_recording_that_somebody_changed_ends_there(archive: FakeArchive) -> None:
    segment = archive.record(T)
    plain = data_of(archive, segment)
    result = sealed(archive, segment, [OWNER.recipient])
    path = archive.segment_path(result)
    stored = bytearray(path.read_bytes())
    stored[len(stored) * 3 // 4] ^= 1
    path.write_bytes(stored)
    shown = data_of(unlocked(archive), result)
    assert plain.startswith(shown)
    assert 0 < len(shown) < len(plain)


def test_only_the_newest_are_kept(archive: FakeArchive) -> None:
    opened = unlocked(archive, most_bytes=1)
    before = memory_files()
    found = [sealed(archive, archive.record(T + 4000 * n), [OWNER.recipient]) for n in range(25)]
    for segment in found:
        assert data_of(opened, segment, segment.start_ms)
    assert memory_files() - before <= 4
    opened.unsealed.close()
    del opened
    assert memory_files() == before


def test_all_that_is_decrypted_fits_the_limit_and_what_is_open_is_read_on(archive: FakeArchive) -> None:
    found = [sealed(archive, archive.record(T + 4000 * n), [OWNER.recipient]) for n in range(12)]
    most = 5 * max(segment.size_bytes for segment in found)
    opened = unlocked(archive, most_bytes=most)
    with opened.segment_path(found[0]).open("rb") as reader:
        for segment in found:
            assert data_of(opened, segment, segment.start_ms)
        assert len(reader.read()) > found[0].size_bytes // 2
    assert sum(memory_sizes()) <= most


def memory_files() -> int:
    return len(memory_sizes())


def memory_sizes() -> list[int]:
    """Size of every decrypted copy that is held, bytes."""
    gc.collect()
    # not `exists`: a file of another test may be on a disk that is gone
    places = [place for place in Path("/proc/self/fd").iterdir() if os.path.lexists(place)]
    return [place.stat().st_size for place in places if "memfd:unsealed" in str(place.readlink())]


def test_sealed_pictures_open_as_well(tmp_path: Path) -> None:
    path = tmp_path / "event.tws"
    path.write_bytes(sealed_jpeg([OWNER.recipient], T, b"\xff\xd8 somebody"))
    assert DecryptedRecordings(OWNER).content(path) == b"\xff\xd8 somebody"
    with pytest.raises(FileSealed):
        DecryptedRecordings(OTHER).content(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(FileDamaged):
        DecryptedRecordings(OWNER).content(path)


def test_what_is_no_sealed_file_is_said_to_be_damaged(archive: FakeArchive) -> None:
    text = replace(archive.record(T), path="junk.tws")
    (archive.root / "junk.tws").write_bytes(b"junk" * 100)
    with pytest.raises(FileDamaged):
        play(unlocked(archive), text, T)


@pytest.mark.parametrize(("left", "lost_from_ms"), [(3, None), (2, 2000)])
def test_the_end_after_a_power_cut_that_was_guessed_without_the_key_is_not_missing(
    archive: FakeArchive, left: int, lost_from_ms: int | None
) -> None:
    """By the name, the last of three fragments would last two seconds."""
    result = sealed(archive, archive.record(T), [OWNER.recipient], fragments=left)
    made = ClipCache(unlocked(archive)).clip(PORCH, MAIN, result.span, 10**7)
    assert made
    assert [gap.begin_ms - T for gap in made.unreadable] == ([] if lost_from_ms is None else [lost_from_ms])


def test_nothing_is_missing_after_the_last_keyframe_of_a_thinned_recording(archive: FakeArchive) -> None:
    """It was closed after a power cut, so that nothing in it says where it ends."""
    result = sealed(archive, archive.record(T), [OWNER.recipient], fragments=1)
    thinned = replace(result, path=result.path.replace(".tws", ".thin.tws"))
    archive.segment_path(result).rename(archive.segment_path(thinned))
    archive.index.drop_segments([result])
    archive.index.add_segment(thinned)
    made = ClipCache(unlocked(archive)).clip(PORCH, MAIN, thinned.span, 10**7)
    assert made
    assert made.unreadable == ()
