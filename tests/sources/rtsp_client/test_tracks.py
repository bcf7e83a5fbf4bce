"""Pictures and sound of one camera together: who waits for whom, and when it is over."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack
from unittest.mock import Mock

import pytest

from tawny.model.packets import AudioFormat, SourcePacket
from tawny.protocols.rtp import Packetizer
from tawny.protocols.sdp import SdpTrack, read_sdp
from tawny.sources.rtsp.client.connection import LATE_S, UdpTrack
from tawny.sources.rtsp.client.rtp_receiver import Depacketizer, OpenFragment, RtpReceiver
from tawny.sources.rtsp.client.session import TrackTransport
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import describe_clip
from tawny.testing.rtsp_viewer import CameraSetup

CLIP = made_clip(ClipSpec(sound="aac", seconds=4))
SSRC = {True: 1, False: 2}


@dataclass
class Peer:
    """A camera's packets, handed to `Tracks` unit by unit."""

    tracks: Tracks = field(default_factory=lambda: Tracks(wants_sound=True, stall_s=5.0))

    def __post_init__(self) -> None:
        described = read_sdp(describe_clip(CLIP, CameraSetup()))
        video, sound = self.tracks.choose(described)
        self._receivers = {True: self.tracks.receiver_of(video), False: self.tracks.receiver_of(sound)}
        assert isinstance(CLIP.sound, AudioFormat)
        self._cut = {
            True: Packetizer(CLIP.video, 96, ssrc=1, first=9),
            False: Packetizer(CLIP.sound, 97, ssrc=2, first=9),
        }
        self.tracks.begin(100.0)

    def send(self, at_s: float, *units: SourcePacket, of: Packetizer | None = None) -> None:
        """All that is taken in one look, at this time. of: another session."""
        self.tracks.now_s = 100.0 + at_s
        for unit in units:
            for packet in (of or self._cut[unit.is_video]).cut(unit.data, unit.pts):
                data = packet.to_bytes()
                self._receivers[unit.is_video].packet(memoryview(data), 0, len(data))
        self.tracks.watch(0.0)

    def goodbye(self, *, is_video: bool) -> None:
        bye = pack(">BBHI", 0x81, 203, 1, SSRC[is_video])
        self.tracks.report(bye, 1_795_000_000.0, is_video=is_video)

    def came(self, *, video: bool) -> list[SourcePacket]:
        return [packet for packet in self.tracks.packets if packet.is_video == video]


def between(begin_s: float, end_s: float, *, video: bool) -> list[SourcePacket]:
    """Units of the clip that are shown in this time."""
    return [p for p in CLIP.packets if p.is_video == video and begin_s <= p.pts / p.format.rate < end_s]


def steps(begin_s: float, end_s: float) -> Iterator[tuple[float, list[SourcePacket]]]:
    """Looks every tenth of a second, each with what came since the last."""
    count = round((end_s - begin_s) * 10)
    for number in range(count):
        at_s = begin_s + number / 10
        yield at_s + 0.1, [*between(at_s, at_s + 0.1, video=True), *between(at_s, at_s + 0.1, video=False)]


def test_a_session_that_goes_on_for_a_while_costs_a_second_of_pictures() -> None:
    peer, old = Peer(), Packetizer(CLIP.video, 96, ssrc=7, first=500)
    for number in range(8):
        units = between(number / 2, number / 2 + 0.5, video=True)
        peer.send(number / 2, *units)
        peer.send(number / 2, *(units if number < 4 else ()), of=old)
    assert peer.tracks.notes["restarts"] == 2, "to the one that began later, and back when it ended"
    last = peer.came(video=True)[-1]
    assert last.data.endswith(between(3.5, 4.0, video=True)[-1].data)


def off_s(peer: Peer) -> float:
    """By how much sound is later than its picture, at the end."""
    moved = []
    for is_video in (True, False):
        came = peer.came(video=is_video)
        taken = [packet.pts for packet in CLIP.packets if packet.is_video == is_video][len(came) - 1]
        moved.append((came[-1].pts - taken) / came[-1].format.rate)
    return moved[1] - moved[0]


def test_a_pause_of_ours_at_the_beginning_misplaces_no_sound() -> None:
    peer = Peer()
    peer.send(0.6, *between(0.0, 0.6, video=True), *between(0.0, 0.6, video=False))  # pictures first, then the sound
    for at_s, units in steps(0.6, 3.0):
        peer.send(at_s, *units)
    assert abs(off_s(peer)) < 0.15  # it looks every tenth of a second
    assert [p.data for p in peer.came(video=False)] == [p.data for p in between(0.0, 3.0, video=False)]
    assert peer.tracks.notes["sound_cut"] == 0


def test_sound_is_given_out_soon_after_the_first_picture_and_all_of_it() -> None:
    peer = Peer()
    for at_s, units in steps(0.0, 0.5):
        peer.send(at_s, *units)
    assert peer.came(video=False)[-1].data == between(0.0, 0.5, video=False)[-1].data


def test_sound_that_is_held_is_given_out_at_the_end() -> None:
    peer = Peer()
    peer.send(0.1, *between(0.0, 0.2, video=True), *between(0.0, 0.2, video=False))
    assert peer.came(video=False) == []
    peer.tracks.finish()
    assert len(peer.came(video=False)) == len(between(0.0, 0.2, video=False))


def test_a_goodbye_of_the_pictures_waits_for_the_sound_that_is_still_on_its_way() -> None:
    peer = Peer()
    for at_s, units in steps(0.0, 1.0):
        peer.send(at_s, *units)
    peer.goodbye(is_video=True)
    peer.send(2.0, *between(1.0, 1.2, video=False))
    peer.goodbye(is_video=False)
    assert peer.came(video=False)[-1].data == between(1.0, 1.2, video=False)[-1].data
    peer.send(2.1, *between(1.2, 1.4, video=False))  # sent before its goodbye, which came by another port
    assert peer.came(video=False)[-1].data == between(1.2, 1.4, video=False)[-1].data
    with pytest.raises(ConversationFault) as over:
        peer.send(2.4)
    assert over.value.reason == "bye"


def test_sound_that_never_says_goodbye_is_not_waited_for_long() -> None:
    peer = Peer()
    for at_s, units in steps(0.0, 1.0):
        peer.send(at_s, *units)
    peer.goodbye(is_video=True)
    peer.send(2.9)
    with pytest.raises(ConversationFault):
        peer.send(3.1)


def test_a_loudspeaker_is_not_taken_for_the_microphone() -> None:
    described = read_sdp(
        b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        b"m=audio 0 RTP/AVP 0\r\na=control:speaker\r\na=sendonly\r\n"
        b"m=audio 0 RTP/AVP 8\r\na=control:microphone\r\na=recvonly\r\n"
    )
    chosen = Tracks(wants_sound=True, stall_s=5.0).choose(described)
    assert [track.control for track in chosen if track.kind == "audio"] == ["microphone"]


def test_without_sound_a_goodbye_is_one_at_once() -> None:
    peer = Peer()
    peer.send(0.1, *between(0.0, 1.0, video=True))
    peer.goodbye(is_video=True)
    with pytest.raises(ConversationFault):
        peer.send(0.5)


# --- packets that are late, over UDP


class Numbers(Depacketizer):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        self.heard.append(bytes(view[begin:end]).decode())

    def gap(self) -> None:
        self.heard.append("|")

    def doubt(self) -> None: ...

    def spoilt(self) -> None:
        self.heard.append("!")

    def restart(self) -> None: ...

    def middle(self) -> OpenFragment | None:
        return None


@pytest.mark.plain
def test_each_late_packet_is_waited_for_as_long_whatever_else_is_late() -> None:
    heard = [Numbers(), Numbers()]
    receivers = [RtpReceiver(96, one, 128) for one in heard]
    place = TrackTransport(SdpTrack("video", 96), 0)
    tracks = [UdpTrack(place, Mock(), receiver) for receiver in receivers]

    def come(track: int, *numbers: int) -> None:
        for number in numbers:
            data = pack(">BBHII", 0x80, 96, number, 0, 1) + str(number).encode()
            receivers[track].packet(memoryview(data), 0, len(data))

    def give_up_late(now_s: float) -> None:
        for track in tracks:
            track.give_up_late(now_s)

    come(0, 1, 3)
    come(1, 1)
    give_up_late(10.0)
    come(1, 3)
    give_up_late(10.0 + LATE_S - 0.05)
    come(0, 2, 4, 6)  # what was late came; another one is late now
    give_up_late(10.0 + LATE_S)
    give_up_late(10.0 + LATE_S + 0.05)
    assert heard[0].heard == ["1", "2", "3", "4"]
    assert heard[1].heard == ["1"]
    come(0, 5)
    come(1, 2)
    give_up_late(10.0 + LATE_S + 0.06)
    assert (heard[0].heard, heard[1].heard) == (["1", "2", "3", "4", "5", "6"], ["1", "2", "3"])
    come(1, 5)
    give_up_late(20.0)
    give_up_late(20.0 + LATE_S + 0.01)
    assert heard[1].heard == ["1", "2", "3", "|", "5"]


def test_a_camera_without_keyframes_is_told_to_send_some() -> None:
    peer = Peer()
    pictures = [packet for packet in CLIP.packets if packet.is_video and not packet.is_keyframe]
    with pytest.raises(ConversationFault, match="no keyframe within 30 s") as fault:
        for second, picture in enumerate(pictures):
            peer.send(float(second), picture)
    assert "Set its keyframe interval to 2 s" in fault.value.error("door").do
