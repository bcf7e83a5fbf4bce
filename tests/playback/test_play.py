import io
from typing import Literal

import av
import pytest

from tawny.model.errors import FileDamaged, StorageError
from tawny.playback.segment_player import play
from tests.playback.archives import FPS, FakeArchive

T = 1_795_000_000_000


def times(data: bytes, kind: str = "video") -> list[float]:
    with av.open(io.BytesIO(data), "r") as opened:
        frames = opened.decode(opened.streams.video[0]) if kind == "video" else opened.decode(opened.streams.audio[0])
        return [round(frame.time, 3) for frame in frames if frame.time is not None]


def test_it_plays_from_the_keyframe_before_the_instant_with_the_segments_own_times(archive: FakeArchive) -> None:
    playing = play(archive, archive.record(T), T + 2500)
    assert playing.start_ms == T
    assert times(b"".join(playing.data)) == [round(2 + n / FPS, 3) for n in range(2 * FPS)]


@pytest.mark.parametrize("from_ms", [0, T - 5, T])
def test_before_its_begin_it_plays_whole(archive: FakeArchive, from_ms: int) -> None:
    assert len(times(b"".join(play(archive, archive.record(T), from_ms).data))) == 4 * FPS


def test_after_its_end_it_plays_the_last_second(archive: FakeArchive) -> None:
    assert times(b"".join(play(archive, archive.record(T), T + 99_000).data))[0] == 3.0


def test_its_size_is_told(archive: FakeArchive) -> None:
    playing = play(archive, archive.record(T, audio="aac"), T + 1500)
    assert playing.size_bytes == len(b"".join(playing.data))
    assert playing.codecs.endswith(",mp4a.40.2")


def test_stored_bytes_go_out_as_they_are(archive: FakeArchive) -> None:
    segment = archive.record(T, audio="aac")
    stored = archive.segment_path(segment).read_bytes()
    assert stored.startswith(b"".join(play(archive, segment, T).data))


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_g711_is_heard_as_aac(archive: FakeArchive, kind: Literal["video", "audio"]) -> None:
    playing = play(archive, archive.record(T, audio="pcmu"), T + 1000)
    data = b"".join(playing.data)
    assert playing.codecs.endswith(",mp4a.40.2")
    assert times(data, kind)[0] == pytest.approx(1.0, abs=0.2)
    assert times(data, kind)[-1] == pytest.approx(3.9, abs=0.15)


def test_what_is_being_written_plays_as_far_as_it_goes(archive: FakeArchive) -> None:
    segment = archive.record(T, is_open=True)
    path = archive.segment_path(segment)
    path.write_bytes(path.read_bytes()[:-100])  # the last fragment is on its way
    assert len(times(b"".join(play(archive, segment, T).data))) == 3 * FPS


def test_a_segment_that_was_closed_meanwhile_plays(archive: FakeArchive) -> None:
    segment = archive.record(T, is_open=True)
    archive.close(segment)
    assert len(times(b"".join(play(archive, segment, T).data))) == 4 * FPS


@pytest.mark.parametrize("audio", ["aac", "pcmu"])
@pytest.mark.parametrize("sent", [0, 1])
def test_a_segment_that_is_closed_while_it_is_sent_plays(
    archive: FakeArchive, audio: Literal["aac", "pcmu"], sent: int
) -> None:
    segment = archive.record(T, audio=audio, is_open=True)
    data = play(archive, segment, T).data
    begin = [next(data) for _ in range(sent)]
    archive.close(segment)
    assert len(times(b"".join([*begin, *data]))) == 4 * FPS


def test_a_segment_plays_that_has_its_new_name_before_the_index_knows_it(archive: FakeArchive) -> None:
    segment = archive.record(T, is_open=True)
    playing = play(archive, segment, T)
    archive.rename(segment)
    assert len(times(b"".join(playing.data))) == 4 * FPS
    assert len(times(b"".join(play(archive, segment, T).data))) == 4 * FPS


def test_a_file_that_is_gone_is_told(archive: FakeArchive) -> None:
    segment = archive.record(T)
    archive.segment_path(segment).unlink()
    with pytest.raises(StorageError):
        play(archive, segment, T)


def test_a_file_of_garbage_is_told(archive: FakeArchive) -> None:
    segment = archive.record(T)
    archive.segment_path(segment).write_bytes(b"garbage" * 100)
    with pytest.raises(FileDamaged):
        play(archive, segment, T)


def test_a_file_without_a_fragment_is_told(archive: FakeArchive) -> None:
    segment = archive.record(T)
    path = archive.segment_path(segment)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(FileDamaged):
        play(archive, segment, T)
