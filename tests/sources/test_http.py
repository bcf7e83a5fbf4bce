"""HTTP cameras: what is sent is found out, the login stays at the camera's address, and failures say what to do."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet as AvPacket

from tawny.media.image.jpeg import jpeg
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket, VideoFormat
from tawny.model.times import SystemClock
from tawny.protocols.digest_auth import challenge, digest, is_right
from tawny.service.cameras.camera_setup import CameraDraft, camera_with, find_streams
from tawny.sources.discovery.known_cameras import known_makers
from tawny.sources.http import CameraHttp, Http, parse_playlist
from tawny.sources.media_connection import MOST_CUT_OFF, JpegSplitter, MediaConnection, MediaInput, sniff
from tawny.sources.network_address import parse_network
from tawny.sources.source import CameraConnection, SourceLoginUnknown, read_packets
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.waiting import until
from tests.sources.http_camera import HttpCamera, http_camera
from tests.sources.reading import Read, opening, read_all

PICTURE = jpeg(np.zeros((48, 64, 3), np.uint8))

SPEC = ClipSpec(sound="aac")
LOGIN = "viewer:s3cret pass"
SENT = "viewer:s3cret%20pass"


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    with http_camera(SPEC, LOGIN, speed=3) as running:
        yield running


def refused(address: str, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as error:
        Http().open(opening(address, **options))
    assert "s3cret" not in f"{error.value}{error.value!r}"
    return error.value


@pytest.mark.parametrize("name", ["flv", "ts", "mp4", "mkv"])
def test_video_and_sound_are_passed_on_as_they_were_sent(camera: HttpCamera, name: str) -> None:
    connection = Http().open(opening(camera.address(name, SENT)))
    read = read_all(connection, until=lambda got: len(got.packets) >= 40)
    clip = made_clip(SPEC)
    sent = [one.data for one in clip.packets if one.is_video]
    pictures = [one for one in read.packets if one.is_video]
    # some muxers repeat parameter sets and add delimiters: the slices are what must be the same
    assert [one.data[-200:] for one in pictures[:10]] == [data[-200:] for data in sent[:10]]
    steps = [later.pts - earlier.pts for earlier, later in pairwise(pictures)]
    if name != "mp4":  # its muxer shifts the first frames
        assert all(abs(step - 6000) <= 100 for step in steps[:10]), steps  # 15 frames per second
    sound = next(one for one in read.packets if not one.is_video)
    assert isinstance(sound.format, AudioFormat)
    assert clip.sound is not None
    assert (sound.format.rate, sound.format.config[:2]) == (clip.sound.rate, clip.sound.config[:2])


def test_jpegs_are_recorded_as_h264_with_the_time_of_their_arrival(camera: HttpCamera) -> None:
    connection = Http().open(opening(camera.address("mjpeg", SENT)))
    read = read_all(connection, until=lambda got: len(got.packets) >= 20)
    first = read.packets[0].format
    assert isinstance(first, VideoFormat)
    assert (first.codec, first.width, first.height) == ("h264", SPEC.width, SPEC.height)
    assert all(0 < one.waited_s < 3 for one in read.packets)
    assert connection.notes["encoder"]


def test_single_jpegs_are_asked_for_at_the_interval(camera: HttpCamera) -> None:
    connection = Http().open(opening(camera.address("snapshot.jpg", SENT), interval="100 ms"))
    read = read_all(connection, until=lambda got: len(got.packets) >= 12)
    first, *more = (packet.pts for packet in read.packets)
    assert more[-1] - first >= 8000 * len(more)  # the mean: a busy computer delays single ones


def test_the_login_is_a_digest_and_never_in_the_path(camera: HttpCamera) -> None:
    camera.asked.clear()
    Http().open(opening(camera.address("flv", SENT))).close()
    (first, unsigned), (second, signed) = camera.asked[:2]
    assert (first, unsigned, second) == ("/flv", "", "/flv")
    assert signed.startswith("Digest ")
    assert "s3cret" not in signed


@pytest.mark.parametrize(
    ("name", "login", "kind"),
    [
        ("none", SENT, SourceNotFound), ("flv", "viewer:wrong", SourceRefused), ("flv", "", SourceRefused),
        ("none.m3u8", SENT, SourceNotFound),
    ],
)  # fmt: skip
def test_a_wrong_path_or_password_is_said(camera: HttpCamera, name: str, login: str, kind: type[SourceError]) -> None:
    assert type(refused(camera.address(name, login))) is kind


class _RenewsItsNonce(BaseHTTPRequestHandler):
    """Each nonce is good for two requests."""

    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self) -> None:
        kind = type(self)
        nonce = f"n{kind.answered // 2}"
        if is_right(self.headers.get("Authorization", ""), "GET", nonce, digest("viewer", "s3cret")):
            kind.answered += 1
            self.send_response(200)
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", challenge(nonce))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_camera_may_renew_its_nonce_for_as_long_as_it_likes() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _RenewsItsNonce) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        camera = CameraHttp(parse_network(f"http://viewer:s3cret@127.0.0.1:{server.server_port}/"), "", 5.0, None)
        for _ in range(12):
            camera.read_all(camera.get("/"), 10)
        camera.close()
        server.shutdown()
    assert _RenewsItsNonce.answered == 12


class _WantsToken(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("login", "kind"), [("viewer:s3cret@", SourceLoginUnknown), ("", SourceRefused)])
def test_a_sign_in_that_is_not_known_is_named(login: str, kind: type[SourceError]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _WantsToken) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        camera = CameraHttp(parse_network(f"http://{login}127.0.0.1:{server.server_port}/"), "", 5.0, None)
        with pytest.raises(SourceError) as failed:
            camera.get("/")
        camera.close()
        server.shutdown()
    assert type(failed.value) is kind


def test_basic_is_refused_where_a_digest_was_offered_before(camera: HttpCamera) -> None:
    here = opening(camera.address("flv", SENT))
    Http().open(here).close()
    camera.basic = True
    camera.asked.clear()
    try:
        with pytest.raises(SourceLoginWeaker):
            Http().open(here)
    finally:
        camera.basic = False
    assert all(not signed for _, signed in camera.asked)


@pytest.mark.parametrize("target", ["http://192.0.2.7/x", "file:///etc/passwd", "/elsewhere", "concat:/a|/b", ""])
def test_redirects_are_refused_and_not_followed(target: str) -> None:
    with http_camera(SPEC) as camera:
        camera.faults.redirect = target or "//["
        assert isinstance(refused(camera.address("flv")), SourceRedirected)
        assert len(camera.asked) == 1


@pytest.mark.parametrize(
    "variant", ["http://192.0.2.7/live.m3u8", "//192.0.2.7/live.m3u8", "file:///etc/passwd", "https://127.0.0.1/x"]
)
def test_a_playlist_must_not_lead_to_another_place(variant: str) -> None:
    with http_camera(SPEC) as camera:
        camera.variant = variant
        assert isinstance(refused(camera.address("master.m3u8")), SourceRedirected)


def test_segments_must_be_at_the_camera(tmp_path: Path) -> None:
    for line in ("http://192.0.2.7/a.ts", "file:///etc/passwd", "concat:a|b"):
        with http_camera(SPEC) as camera:
            camera.hls = tmp_path / line[:4]
            camera.hls.mkdir(exist_ok=True)
            (camera.hls / "live.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\n{line}\n")
            error = refused(camera.address("live.m3u8"))
        assert isinstance(error, SourceRedirected | SourceNotFound)  # the last is a path at the camera


def test_a_web_page_is_no_stream() -> None:
    with http_camera(SPEC) as camera:
        camera.faults.page = True
        error = refused(camera.address("flv"))
    assert isinstance(error, SourceNotFound)
    assert "web page" in error.message


def test_garbage_is_unusable() -> None:
    with http_camera(SPEC) as camera:
        camera.faults.garbage = b"\x01\x02garbage" * 500
        assert isinstance(refused(camera.address("flv")), SourceUnusable)


def test_nothing_there_and_silence_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert isinstance(refused(f"http://127.0.0.1:{port}/x", stall=0.5), SourceUnreachable)
    assert isinstance(refused(f"http://127.0.0.1:{port}/x"), SourceUnreachable)


@pytest.mark.parametrize("name", ["flv", "ts", "mjpeg"])
def test_a_stall_is_told_and_the_end_too(name: str) -> None:
    with http_camera(SPEC, speed=3) as camera:
        camera.prepare(name)
        connection = Http().open(opening(camera.address(name), stall=1.0))
        read_some(connection)
        camera.faults.stall = True
        assert isinstance(read_all(connection).error, SourceStalled)
        camera.faults.stall = False
        connection = Http().open(opening(camera.address(name)))
        read_some(connection)
        camera.hang_up()
        assert isinstance(read_all(connection).error, SourceClosed)


def read_some(connection: object) -> None:
    read = Read()
    while len(read.packets) < 5:
        got = connection.read()  # type: ignore[attr-defined]
        if hasattr(got, "pts"):
            read.packets.append(got)


def test_segments_are_played_at_their_pace_and_not_twice_after_a_break() -> None:
    source = Http()
    with http_camera(SPEC) as camera:
        camera.begin_hls()
        assert camera.hls is not None
        until((camera.hls / "live1.ts").is_file, 60, "two segments")
        here = opening(camera.address("live.m3u8"))
        first = read_all(source.open(here), until=lambda got: len(got.packets) >= 60)
        assert max(one.waited_s for one in first.packets) < 6
        second = read_all(source.open(here), until=lambda got: len(got.packets) >= 10)
        newest = max(one.pts for one in first.packets if one.is_video)
        assert second.packets[0].is_keyframe
        assert second.packets[0].pts > newest


PLAYLIST = b"""#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2.000,
a.m4s
#EXTINF:1.5,title, with a comma
b.m4s
"""


def test_playlists() -> None:
    found = parse_playlist(PLAYLIST, "here")
    assert [(one.number, one.path, one.seconds, one.heading) for one in found.segments] == [
        (7, "a.m4s", 2.0, "init.mp4"), (8, "b.m4s", 1.5, "init.mp4"),
    ]  # fmt: skip
    assert (found.newest, found.is_over, found.target_s) == (8, False, 2.0)
    assert parse_playlist(PLAYLIST + b"#EXT-X-ENDLIST", "here").is_over
    for wrong in (b"", b"<html>", PLAYLIST + b'#EXT-X-KEY:METHOD=AES-128,URI="k"\n'):
        with pytest.raises(SourceUnusable):
            parse_playlist(wrong, "here")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"FLV\x01", "flv"), (b"\x47" + b"\0" * 187 + b"\x47", "mpegts"), (b"\0\0\0\x18ftypiso5", "mov"),
        (b"\x1a\x45\xdf\xa3", "matroska"), (b"\xff\xd8\xff\xe0", "jpeg"), (b"\r\n--frame\r\n", "jpeg"),
        (b"#EXTM3U\n", "hls"), (b"\0\0\0\1\x67\x42", "h264"), (b"\0\0\1\x40\x01\x0c", "h265"),
        (b"\0\0\0\1\x09\xf0\0\0\0\1\x67", "h264"), (b"\0\0\0\1\x46\x01\x50", "h265"), (b"<!doctype", "page"),
        (b'{"error":1}', "page"), (b"hello", ""), (b"", ""),
    ],
)  # fmt: skip
def test_what_a_stream_is(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


def test_jpegs_are_split_wherever_the_data_is_cut() -> None:
    thumb = b"\xff\xd8\xff\xdb\x00\x04ab\xff\xd9"
    one = (
        b"\xff\xd8\xff\xe1" + (len(thumb) + 2).to_bytes(2) + thumb + b"\xff\xda\x00\x03x" + b"\x11\xff\x00\xff\xd3\x22"
    )
    jpeg = one + b"\xff\xd9"
    stream = b"--b\r\nContent-Length: 9\r\n\r\n" + jpeg + b"\r\n--b\r\n\r\n" + jpeg + b"\r\n"
    for size in (1, 2, 3, 7, len(stream)):
        split = JpegSplitter()
        found = [each for at in range(0, len(stream), size) for each in split.feed(stream[at : at + size])]
        assert found == [jpeg, jpeg]


def test_beginnings_without_an_end_are_passed_over() -> None:
    jpeg = b"\xff\xd8\xff\xda\x00\x03x\x11\xff\xd9"
    assert JpegSplitter().feed(b"\xff\xd8" * 3000 + jpeg) == [jpeg]


def test_the_jpegs_of_a_camera_that_ends_none_end_before_the_next() -> None:
    jpegs = [b"\xff\xd8\xff\xda\x00\x03x\x11\xff\x00" + bytes([number]) for number in range(1, 6)]
    stream = b"".join(b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + one + b"\r\n" for one in jpegs)
    for size in (1, 2, 3, 7, len(stream)):
        split = JpegSplitter()
        found = [each for at in range(0, len(stream), size) for each in split.feed(stream[at : at + size])]
        assert found == [one + b"\xff\xd9" for one in jpegs[MOST_CUT_OFF:-1]]


def test_a_jpeg_that_is_cut_off_is_dropped_where_others_end() -> None:
    jpeg = b"\xff\xd8\xff\xda\x00\x03x\x11\xff\xd9"
    assert JpegSplitter().feed(jpeg + jpeg[:-2] * 5 + jpeg) == [jpeg, jpeg]


def test_an_endless_jpeg_is_refused() -> None:
    split = JpegSplitter()
    split.feed(b"\xff\xd8\xff\xda\x00\x03x")
    with pytest.raises(ValueError, match="JPEG"):
        for _ in range(10):
            split.feed(b"\x11" * 1_000_000)


@contextmanager
def raw_server(response: bytes, after_s: float = 0.0) -> Iterator[str]:
    """Answer each request with these bytes, after some time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line, suppress(OSError):  # the source may have ended meanwhile
                    line.recv(4096)
                    time.sleep(after_s)
                    line.sendall(response)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "response",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 500 Oh \x07 no\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\nno jpeg",
        b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"HTTP/1.1 401 No\r\n\r\nfor ever",
        b"HTTP/1.1 200 OK\r\n\r\n#EXTM3U\n#EXTINF:1\nhttp://[x/1.ts\n",
        b"HTTP/1.1 200 OK\r\n\r\n#EXTM3U\n#EXTINF:1\n" + b"\xc3\xa4" * 900 + b"\n",
    ],
)  # fmt: skip
def test_whatever_a_server_answers_is_a_source_error(response: bytes) -> None:
    with raw_server(response) as address:
        error = refused(address)
    assert error.message.isprintable()
    assert not isinstance(error, SourceStalled), "its reader waited for what had ended"


@pytest.mark.parametrize("kind", ["image/jpg", "application/octet-stream"])
def test_a_jpeg_of_another_type_is_asked_for_again(kind: str) -> None:
    data = PICTURE
    head = f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with raw_server(head + data) as address:
        connection = Http().open(opening(address, interval="100 ms"))
        read = read_all(connection, until=lambda got: len(got.packets) >= 3)
    assert len(read.packets) >= 3


@pytest.mark.parametrize("kind", ["image/jpg", "image/pjpeg", "image/jpeg"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_picture_whose_length_is_not_said_is_asked_for_again(kind: str, is_chunked: bool) -> None:
    """Each ended the connection."""
    data = PICTURE
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    if is_chunked:
        head, data = head + "Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
    with raw_server(head.encode() + b"\r\n" + data) as address:
        connection = Http().open(opening(address, interval="100 ms"))
        read = read_all(connection, until=lambda got: len(got.packets) >= 3)
    assert len(read.packets) >= 3


@pytest.mark.parametrize("shape", ["no end marker", "another inside"])
def test_a_picture_of_unusual_shape_is_asked_for_again(shape: str) -> None:
    """Without its length, one with no end marker was no picture, and one with a preview a stream that ended."""
    data = PICTURE[:-2] if shape == "no end marker" else PICTURE * 2
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n" + data) as address:
        connection = Http().open(opening(address, interval="100 ms"))
        read = read_all(connection, until=lambda got: len(got.packets) >= 4)
    assert len(read.packets) >= 4


@pytest.mark.parametrize("kind", ["text/html", "image/jpeg"])
def test_a_stream_of_jpegs_is_found_whatever_its_type_says(kind: str) -> None:
    part = b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + PICTURE + b"\r\n"
    with raw_server(f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + part * 50) as address:
        read = read_all(Http().open(opening(address, interval="4 s")), until=lambda got: len(got.packets) >= 3)
    assert read.packets[2].pts - read.packets[0].pts < 2 * VIDEO_RATE


def test_a_slow_camera_is_asked_at_the_interval_and_not_taken_for_silent() -> None:
    """Its pictures were an interval and an answer apart, which the time without video did not allow."""
    data = PICTURE
    head = f"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with raw_server(head + data, after_s=1.0) as address:
        connection = Http().open(opening(address, interval="1500 ms", stall="1500 ms"))
        read = read_all(connection, until=lambda got: len(got.packets) >= 2)
    assert len(read.packets) >= 2


@pytest.mark.parametrize(
    ("kind", "length"),
    [("video/x-motion-jpeg", 100_000), ("image/jpg", 999_999_999), ("image/jpg", "?"), ("image/jpg", "9" * 5000)],
)
def test_jpegs_with_a_length_are_read_as_a_stream(kind: str, length: int | str) -> None:
    """They were awaited as one picture."""
    head = f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()
    with raw_server(head + PICTURE * 50) as address:
        read = read_all(Http().open(opening(address, interval="4 s")), until=lambda got: len(got.packets) >= 3)
    assert read.packets[2].pts - read.packets[0].pts < 2 * VIDEO_RATE


def he_aac_frame() -> bytes:
    """A silent frame of 1024 samples at 24 kHz, with the band replication that makes it 48 kHz."""
    band = "11" + f"{5:04b}{9:04b}" + "000" + "00" + "00" + "0" + "00" + "00" + "0"
    bits = "000" + "0000" + f"{100:08b}" + "0" + "00" + "0" + f"{0:06b}" + "0000"  # a channel without any band
    bits += "110" + f"{14:04b}" + ("1101" + band).ljust(14 * 8, "0") + "111"  # its extension, and the end
    raw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    size = len(raw) + 7
    head = [0xFF, 0xF1, 1 << 6 | 6 << 2, 1 << 6 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 0x1F, 0xFC]
    return bytes(head) + raw


def test_sound_of_he_aac_has_the_time_of_its_video() -> None:
    """FFmpeg counts its samples at 48 kHz, and its header says 24 kHz: the sound was twice as long."""
    file, frames = io.BytesIO(), io.BytesIO(he_aac_frame() * 94)
    with (
        av.open(str(clip_file(SPEC)), "r") as clip,
        av.open(frames, "r", format="aac") as sound,
        av.open(file, "w", format="mpegts") as out,
    ):
        video, audio = (
            out.add_stream_from_template(clip.streams.video[0]),
            out.add_stream_from_template(sound.streams[0]),
        )
        packets: list[AvPacket[Any]] = [*clip.demux(clip.streams.video[0]), *sound.demux()]
        for packet in sorted(packets, key=lambda one: float((one.pts or 0) * (one.time_base or 0))):
            if packet.pts is not None:
                packet.stream = video if packet.stream.type == "video" else audio
                out.mux(packet)
    connection = MediaConnection(
        lambda media: media.feed(file.getvalue(), "here"), lambda: None, "here", SystemClock(), {}
    )
    sounds = [one for one in read_all(connection).packets if not one.is_video]
    assert {one.format.rate for one in sounds} == {24_000}
    steps = [later.pts - earlier.pts for earlier, later in pairwise(sounds)]
    assert len(steps) > 50
    assert all(abs(step - 1024) <= 1 for step in steps)


def test_sound_goes_on_after_the_encoder_has_started_again() -> None:
    file = io.BytesIO()
    with av.open(str(clip_file(SPEC))) as clip, av.open(file, "w", format="mpegts") as out:
        streams = {one.index: out.add_stream_from_template(one) for one in clip.streams}
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)

    def feed(media: MediaInput) -> None:
        for _ in range(2):
            media.feed(file.getvalue(), "here")

    read = read_all(MediaConnection(feed, lambda: None, "here", SystemClock(), {}))
    sounds = [one.pts for one in read.packets if not one.is_video]
    begins = [at for at, (before, after) in enumerate(pairwise(sounds), 1) if after < before]
    assert len(begins) == 1
    assert len(sounds) - begins[0] >= 0.9 * begins[0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_expected_is_told_and_tried_again() -> None:
    def feed(media: MediaInput) -> None:
        raise LookupError("a case that nobody thought of")

    connection = MediaConnection(feed, lambda: None, "here", SystemClock(), {})
    with pytest.raises(SourceClosed, match="could not be read"):
        connection.wait_until_it_plays()


TOKEN = "eyJhbGciOi.s3cret-token"


def test_home_assistant_sends_a_camera_for_a_token() -> None:
    """Its address is that of the preset; the token is sent as it wants it, and shown nowhere."""
    preset = next(one for one in known_makers() if one.maker == "Home Assistant").address
    with http_camera() as camera:
        camera.token = TOKEN
        place = preset.replace("HOST:8123", f"127.0.0.1:{camera.port}").replace("NAME", "porch")
        streams = find_streams(CameraDraft(place, password=TOKEN), SystemClock())
        made = camera_with("porch", CameraDraft(place, password=TOKEN), streams, {})
        assert made.values["source"] == place.replace("://", "://:${CAMERA_PORCH}@")
        assert made.secrets == {"CAMERA_PORCH": TOKEN}
        connection = Http().open(opening(made.settings.source))
        assert isinstance(first_of(connection).format, VideoFormat)
        connection.close()
        with pytest.raises(SourceRefused) as refused:
            Http().open(opening(made.settings.source.replace(TOKEN, "another")))
        assert "another" not in str(refused.value)
        with pytest.raises(SourceRefused):
            Http().open(opening(place))
    assert TOKEN not in Http().public(made.settings.source)
    assert TOKEN not in str(made.public)


def test_a_token_is_sent_to_no_other_place() -> None:
    with http_camera() as other, http_camera() as camera:
        camera.faults.redirect = other.address("mjpeg")
        with pytest.raises(SourceRedirected):
            Http().open(opening(camera.address("mjpeg", f":{TOKEN}")))
    assert other.asked == []


def test_go2rtc_is_read_by_http_as_well() -> None:
    with http_camera() as camera:
        connection = Http().open(opening(camera.address("api/stream.mp4?src=porch")))
        assert isinstance(first_of(connection).format, VideoFormat)
        connection.close()
    assert camera.asked[0][0] == "/api/stream.mp4?src=porch"


def first_of(connection: CameraConnection) -> SourcePacket:
    return next(read_packets(connection, SystemClock(), SystemClock().mono_s() + 20.0))
