import io
from dataclasses import dataclass, replace
from itertools import pairwise

import av
import pytest

from tawny.live.fragmenter import Fragmenter, NewInitSegment
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet
from tawny.stream.hub import Hub
from tests.live.cameras import FPS, GOP, START_MS, numbered, sound, video


def shown(packets: list[Packet], hub: Hub | None = None, *, at_once: bool = False) -> list[NewInitSegment | bytes]:
    """All that a viewer gets who is there from the first packet on."""
    hub = hub or Hub()
    fragmenter = Fragmenter(hub, at_once=at_once)
    made: list[NewInitSegment | bytes] = []
    for packet in packets:
        hub.append(packet)
        made += fragmenter.take(packet)
    return made


def files(messages: list[NewInitSegment | bytes]) -> list[bytes]:
    made: list[bytes] = []
    for message in messages:
        if isinstance(message, NewInitSegment):
            made.append(message.init)
        else:
            made[-1] += message
    return made


def begins(messages: list[NewInitSegment | bytes]) -> list[NewInitSegment]:
    return [message for message in messages if isinstance(message, NewInitSegment)]


def times(file: bytes, kind: str = "video") -> list[float]:
    with av.open(io.BytesIO(file), "r") as opened:
        frames = opened.decode(opened.streams.video[0]) if kind == "video" else opened.decode(opened.streams.audio[0])
        return [frame.time for frame in frames if frame.time is not None]


def test_each_picture_is_given_out_when_the_next_has_come() -> None:
    messages = shown(list(numbered(video(count=GOP))))
    assert [type(message) for message in messages] == [NewInitSegment] + [bytes] * (GOP - 1)


def test_each_picture_is_given_out_at_once_where_that_is_wanted() -> None:
    messages = shown(list(numbered(video(count=GOP))), at_once=True)
    assert [type(message) for message in messages] == [NewInitSegment] + [bytes] * GOP
    (file,) = files(messages)
    assert times(file) == pytest.approx([n / FPS for n in range(GOP)], abs=1e-4)


@dataclass
class Said:
    """What a fragment says of its picture, in ticks of 90 kHz."""

    dts: int
    lasts: int
    pts: int


def said(messages: list[NewInitSegment | bytes]) -> list[Said]:
    found = []
    for message in messages:
        if isinstance(message, bytes):
            dts = int.from_bytes(message[message.index(b"tfdt") + 8 :][:8], "big")
            run = message[message.index(b"trun") + 4 :]
            has_offset = run[2] & 8
            lasts, offset = int.from_bytes(run[12:16], "big"), int.from_bytes(run[24:28], "big", signed=True)
            found.append(Said(dts, lasts, dts + (offset if has_offset else 0)))
    return found


def believed(pictures: list[Said]) -> None:
    """A browser's rule (Media Source Extensions, coded frame processing): a decode time that goes back, or ahead by
    more than twice what the last picture lasted, has it drop everything up to the next keyframe."""
    for earlier, later in pairwise(pictures):
        assert earlier.dts < later.dts <= earlier.dts + 2 * earlier.lasts
        assert later.dts <= later.pts


@pytest.mark.parametrize("fps", [30.0, 15.0, 5.0, 1.0, 0.5])
def test_a_picture_given_out_at_once_is_said_to_last_longer_than_it_will(fps: float) -> None:
    slow = [
        replace(one, pts=round(n * 90_000 / fps), at_ms=START_MS + round(n * 1000 / fps))
        for n, one in enumerate(video(count=40))
    ]
    pictures = said(shown(list(numbered(slow)), Hub(keep_s=100.0), at_once=True))
    believed(pictures)
    steps = [later.pts - earlier.pts for earlier, later in pairwise(pictures)]
    assert all(one.lasts > step for one, step in list(zip(pictures, steps, strict=False))[3:])
    assert pictures[-1].dts == pictures[-1].pts


def test_gaps_of_any_length_are_gone_over_and_shown_in_their_time() -> None:
    gaps = {7: 1.0, 20: 0.4, 33: 9.0, 34: 2.5}
    later_s, packets = 0.0, []
    for n, one in enumerate(video(count=90)):
        later_s += gaps.get(n, 0.0)
        packets.append(replace(one, pts=one.pts + round(later_s * 90_000), at_ms=one.at_ms + round(later_s * 1000)))
    pictures = said(shown(list(numbered(packets)), Hub(keep_s=100.0), at_once=True))
    believed(pictures)
    assert [one.pts for one in pictures] == [packet.pts - packets[0].pts for packet in packets]
    assert pictures[-1].dts == pictures[-1].pts, "it caught up"


def test_it_plays_from_zero_at_the_cameras_pace() -> None:
    (file,) = files(shown(list(numbered(video(count=31)))))
    assert times(file) == pytest.approx([n / FPS for n in range(30)], abs=1e-4)


def test_it_says_when_time_zero_was_and_what_it_is() -> None:
    (begin,) = begins(shown(list(numbered(video(count=2)))))
    assert (begin.start_ms, begin.width, begin.height) == (START_MS, 64, 48)
    assert begin.mime.startswith('video/mp4; codecs="avc1.')


@pytest.mark.parametrize("codec", ["aac", "pcmu"])
def test_sound_that_was_there_before_is_there_at_once(codec: str) -> None:
    hub = Hub()
    packets = list(numbered(video(), sound("aac" if codec == "aac" else "pcmu")))
    for packet in packets:
        hub.append(packet)
    fragmenter = Fragmenter(hub)
    messages = [made for packet in hub.recent(1.0) for made in fragmenter.take(packet)]
    (begin,) = begins(messages)
    assert begin.mime.endswith(',mp4a.40.2"')


def test_g711_is_heard_with_the_pictures() -> None:
    packets = list(numbered(video(), sound("pcmu")))
    *_, file = files(shown(packets))
    heard, seen = times(file, "audio"), times(file)
    assert abs(heard[0] - seen[0]) < 0.2
    assert abs(heard[-1] - seen[-1]) < 0.45


def test_sound_that_comes_later_begins_another_file_at_a_keyframe() -> None:
    late = [packet for packet in sound("aac") if packet.at_ms >= START_MS + 1500]
    made = begins(shown(list(numbered(video(), late))))
    assert ["mp4a" in begin.mime for begin in made] == [False, True]
    assert made[1].start_ms == START_MS + 2000


def test_sound_that_has_stopped_is_not_waited_for() -> None:
    early = [packet for packet in sound("aac") if packet.at_ms < START_MS + 500]
    made = begins(shown(list(numbered(video(count=120), early))))
    assert ["mp4a" in begin.mime for begin in made][-1] is False


def test_sound_that_no_browser_plays_leaves_the_picture_alone() -> None:
    odd = [replace(packet, format=AudioFormat("pcmu", 7999, 1)) for packet in sound()]
    made = begins(shown(list(numbered(video(), odd))))
    assert ["mp4a" in begin.mime for begin in made] == [False] * len(made)
    assert len(made) <= 2


def test_another_run_begins_another_file() -> None:
    second = video(run=RunId("second"), start_ms=START_MS + 60_000, count=20)
    made = begins(shown(list(numbered(video(count=20), second))))
    assert [begin.start_ms for begin in made] == [START_MS, START_MS + 60_000]


def test_another_size_begins_another_file() -> None:
    wide = [replace(one, pts=one.pts + 180_000, at_ms=one.at_ms + 2000) for one in video(width=96, count=20)]
    made = begins(shown(list(numbered(video(count=20), wide))))
    assert [begin.width for begin in made] == [64, 96]


def test_pictures_that_are_left_out_leave_a_file_that_plays() -> None:
    packets = list(numbered(video()))
    hub = Hub()
    fragmenter = Fragmenter(hub)
    messages: list[NewInitSegment | bytes] = []
    for packet in packets:
        hub.append(packet)
        if packet.number == 20:
            fragmenter.skip()
        if packet.number < 20 or packet.number >= 2 * GOP:
            messages += fragmenter.take(packet)
    (file,) = files(messages)
    assert times(file)[-1] == pytest.approx(58 / FPS, abs=1e-3)
    assert not [at for at in times(file) if 19 / FPS < at < 2 * GOP / FPS - 0.01]


def test_what_comes_before_a_keyframe_is_nothing() -> None:
    hub = Hub()
    fragmenter = Fragmenter(hub)
    assert [m for packet in list(numbered(video()))[1:GOP] for m in fragmenter.take(packet)] == []
