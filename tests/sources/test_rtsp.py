"""A camera read over RTSP: everything it sent comes out, the same bytes in the same order."""

import threading
import time
from dataclasses import dataclass, field

import pytest

from tawny.model.errors import SourceClosed, SourceError, SourceRefused, SourceUnreachable
from tawny.model.packets import AudioFormat
from tawny.sources.rtsp.source import Rtsp
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, own_times, shuffled, twice
from tawny.testing.waiting import until
from tests.sources.reading import Read, open_camera, opening, read_all, sent

pytestmark = pytest.mark.usefixtures("client")


@dataclass(frozen=True)
class Case:
    """One kind of camera, and how it is read."""

    clip: ClipSpec
    transport: str = "tcp"
    setup: CameraSetup = field(default_factory=CameraSetup)

    def __str__(self) -> str:
        clip = self.clip
        words = [clip.codec, self.transport, clip.sound or "silent"]
        words += [f"{clip.slices}-slices"] * (clip.slices > 1) + ["b-frames"] * (clip.b_frames > 0)
        words += [self.setup.login] * bool(self.setup.login) + ["aggregated"] * self.setup.aggregate
        words += ["no-sets-in-band"] * (not self.setup.sets_in_band) + ["no-sets-in-sdp"] * (not self.setup.sets_in_sdp)
        return "-".join(words)


CASES = [
    Case(ClipSpec("h264")),
    Case(ClipSpec("h265", sound="aac")),
    Case(
        ClipSpec("h264", slices=3, b_frames=2, sound="pcmu"), setup=CameraSetup("me", 'p@s: "w', "md5", aggregate=True)
    ),
    Case(ClipSpec("h265", slices=2, b_frames=2, sound="pcma"), setup=CameraSetup("me", "p%s/w", "basic")),
    Case(ClipSpec("h264", sound="aac"), "udp", CameraSetup(sets_in_band=False)),
    Case(ClipSpec("h265", slices=2), "udp", CameraSetup("me", "pw", "md5", aggregate=True)),
    Case(ClipSpec("h264", b_frames=2), setup=CameraSetup(sets_in_sdp=False)),
    Case(ClipSpec("h264", sound="pcmu"), "udp", CameraSetup(sender_reports=False)),
    Case(ClipSpec("h264", slices=3, sound="aac")),
    Case(ClipSpec("h265", sound="aac"), "udp"),
    Case(ClipSpec("h265", slices=3, sound="pcmu"), "udp"),
]


@pytest.mark.shows("DY2")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_everything_that_was_sent_comes_out(case: Case) -> None:
    # by UDP nothing holds the camera back, and a busy system's buffer takes a fifth of a megabyte: FFmpeg is to keep up
    case.setup.speed, case.setup.passes = 3.0 if case.transport == "udp" else 12.0, 2
    with RtspCamera(made_clip(case.clip), case.setup) as camera:
        read = read_all(open_camera(camera, transport=case.transport))
        viewer = camera.playing[0]
    assert isinstance(read.error, SourceClosed)
    assert viewer.transport == case.transport
    for video in (True, False):
        assert read.data(video=video) == sent(viewer, video=video)
        came = [packet.pts for packet in read.packets if packet.is_video == video]
        went = [unit.pts for unit in viewer.sent if unit.is_video == video]
        zeros = [ours - theirs for ours, theirs in zip(came, went, strict=True)]
        assert max(zeros, default=0) - min(zeros, default=0) <= 1, "times keep their distances"
    assert [p.is_keyframe for p in read.packets if p.is_video] == [u.is_keyframe for u in viewer.sent if u.is_video]
    assert {packet.format for packet in read.packets if packet.is_video} == {made_clip(case.clip).video}
    assert {packet.format for packet in read.packets if not packet.is_video} <= {made_clip(case.clip).sound}


def test_sound_and_pictures_share_their_zero() -> None:
    with RtspCamera(made_clip(ClipSpec(sound="aac")), CameraSetup(speed=8, passes=2, sender_reports=False)) as camera:
        read = read_all(open_camera(camera))
    first = {packet.is_video: packet for packet in reversed(read.packets)}
    apart_s = abs(first[True].pts / 90_000 - first[False].pts / 16_000)
    assert apart_s < 1, "without reports by arrival: what a busy machine delays it counts eight times at this speed"


def test_sound_can_be_left_out() -> None:
    with RtspCamera(made_clip(ClipSpec(sound="aac")), CameraSetup(speed=12, passes=1)) as camera:
        connection = open_camera(camera, sound=False)
        assert connection.notes["sound"] == ""
        read = read_all(connection)
        assert camera.playing[0].requests.count("SETUP") == 1
    assert read.data(video=False) == []


def test_the_format_of_sound_is_what_the_camera_says() -> None:
    with RtspCamera(made_clip(ClipSpec(sound="aac")), CameraSetup(speed=12, passes=1)) as camera:
        read = read_all(open_camera(camera))
    sound = next(packet.format for packet in read.packets if not packet.is_video)
    assert isinstance(sound, AudioFormat)
    assert (sound.codec, sound.rate, sound.channels) == ("aac", 16_000, 1)
    assert sound.config.startswith(b"\x14\x08")


def test_notes_tell_what_the_camera_says_of_itself(client: str) -> None:
    with RtspCamera(made_clip(ClipSpec(sound="pcmu"))) as camera:
        connection = open_camera(camera)
        connection.close()
    data = {"client": client, "transport": "tcp", "tool": "tawny test camera", "fps": 15.0, "sound": "pcmu"}
    assert connection.notes.items() >= data.items()


def test_a_camera_that_is_left_is_told_so(client: str) -> None:
    def knows() -> bool:
        (viewer,) = camera.playing
        # FFmpeg hangs up right behind its goodbye, with pictures unread: the goodbye itself may be lost by that
        return viewer.requests[-1] == "TEARDOWN" or (client == "ffmpeg" and viewer.ended == "left")

    with RtspCamera(made_clip(ClipSpec())) as camera:
        connection = open_camera(camera)
        read_all(connection, until=lambda read: len(read.packets) >= 2)
        until(knows, 60)


def test_closing_twice_and_reading_after_it_harm_nothing() -> None:
    with RtspCamera(made_clip(ClipSpec())) as camera:
        connection = open_camera(camera)
        read_all(connection, until=lambda read: len(read.packets) >= 2)
        connection.close()
        connection.close()


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with RtspCamera(made_clip(ClipSpec())) as camera:
        for _ in range(3):
            read_all(open_camera(camera), until=lambda read: len(read.packets) >= 2)
    assert set(threading.enumerate()) == before


def test_a_size_that_changes_is_a_new_format_at_that_keyframe() -> None:
    large, small = made_clip(ClipSpec()), made_clip(ClipSpec(width=160, height=120))
    with RtspCamera(large, CameraSetup(speed=8)) as camera:
        connection = open_camera(camera)

        def enough(read: Read) -> bool:
            if len(read.packets) == 20:
                camera.clip = small
            return len(read.packets) >= 60

        packets = read_all(connection, until=enough).packets
        result = sent(camera.playing[0])
    changed = next(at for at, packet in enumerate(packets) if packet.format == small.video)
    assert packets[changed].is_keyframe
    assert all(packet.format == (large if at < changed else small).video for at, packet in enumerate(packets))
    assert [packet.data for packet in packets] == result[: len(packets)]


def test_packets_sent_twice_come_out_once() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=12, passes=1)) as camera:
        camera.faults.packets = twice
        read = read_all(open_camera(camera))
        assert read.data() == sent(camera.playing[0])


def test_packets_out_of_order_are_put_in_order_over_udp() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=4, passes=1)) as camera:
        camera.faults.packets = shuffled(0.1)
        read = read_all(open_camera(camera, transport="udp"))
        assert read.data() == sent(camera.playing[0])


def test_parameter_sets_may_have_times_of_their_own() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=12, passes=2)) as camera:
        camera.faults.packets = own_times()
        read = read_all(open_camera(camera))
        assert read.data() == sent(camera.playing[0])


def test_a_clock_wrong_by_an_hour_in_sender_reports_cuts_no_picture() -> None:
    with RtspCamera(made_clip(ClipSpec(sound="aac")), CameraSetup(speed=12, passes=3)) as camera:
        connection = open_camera(camera)
        camera.faults.sender_report_step_s = 3600.0
        read = read_all(connection)
        assert read.data() == sent(camera.playing[0])


def test_a_password_that_was_changed_is_refused_when_it_comes_back() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup("me", "old", "md5")) as camera:
        address = camera.address
        read_all(Rtsp().open(opening(address)), until=lambda read: len(read.packets) >= 2)
        camera.setup.password = "new"
        with pytest.raises(SourceRefused) as refused:
            Rtsp().open(opening(address))
    assert "old" not in f"{refused.value!r}{refused.value}"


def test_a_camera_that_is_gone_and_comes_back() -> None:
    with RtspCamera(made_clip(ClipSpec())) as camera:
        connection = open_camera(camera)
        camera.down()
        assert isinstance(read_all(connection).error, SourceClosed)
        with pytest.raises(SourceUnreachable):
            open_camera(camera)
        camera.up()
        assert read_all(open_camera(camera), until=lambda read: len(read.packets) >= 2).error is None


def test_udp_that_the_camera_refuses_is_an_error() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(udp_refused=True)) as camera, pytest.raises(SourceError):
        open_camera(camera, transport="udp")


def test_a_bad_address_is_an_error_without_the_login() -> None:
    with pytest.raises(SourceError) as refused:
        Rtsp().open(opening("rtsp://me:s3cret@cam:99999/x"))
    assert "s3cret" not in str(refused.value)


def test_it_is_quick() -> None:
    with RtspCamera(made_clip(ClipSpec())) as camera:
        begun_s = time.monotonic()
        connection = open_camera(camera)
        opened_s = time.monotonic()
        read_all(connection, until=lambda read: len(read.packets) >= 1)
    assert opened_s - begun_s < 4, "a wait for a deadline"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"transport": "http"}, "transport"),
        ({"sound": "yes"}, "sound"),
        ({"stall": "1 h"}, "stall"),
        ({"stall": None}, "stall"),
        ({"speed": 1}, "speed"),
    ],
)
def test_settings_that_cannot_be_are_named(table: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}: found .*; allowed: "):
        Rtsp().settings(table)


def test_settings_are_completed() -> None:
    given = {"client": "own", "stall": "2 s", "fingerprint": "AB:" * 31 + "cd"}
    completed = {"client": "own", "transport": "tcp", "sound": True, "stall": 2.0, "fingerprint": "ab" * 31 + "cd"}
    assert Rtsp().settings(given) == completed


def test_only_rtsp_addresses_are_claimed() -> None:
    claimed = [a for a in ("rtsp://cam/", "RTSPS://cam", "http://cam/", "/dev/video0", "clip.mp4") if Rtsp().claims(a)]
    assert claimed == ["rtsp://cam/", "RTSPS://cam"]
