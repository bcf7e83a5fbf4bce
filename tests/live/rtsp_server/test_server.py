"""Other programs see our cameras by RTSP: what they get is what came, and nobody gets more than they may see."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from unittest.mock import Mock

import pytest

from tawny.live.rtsp_server.sender import RtspSender, RtspTrack, UdpChannel
from tawny.media.codec.decoder import Decoder
from tawny.media.codec.nal import nal_type, split_lengths
from tawny.model.errors import SourceClosed, SourceError, SourceNotFound, SourceRefused, SourceUnreachable
from tawny.model.geometry import Polygon
from tawny.model.ids import RunId, StreamName
from tawny.model.packets import AudioFormat, Packet, SourcePacket, VideoFormat
from tawny.protocols.rtp import SenderReport, read_rtcp
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.live.cameras import START_MS, numbered, sound, video
from tests.live.following import Cameras
from tests.live.rtsp_server.house import PORCH, SECRET, YARD, refusal, serving, watch

PACKETS = list(numbered(video(count=150), sound("aac", seconds=10)))
G711 = list(numbered(video(count=150), sound("pcmu", seconds=10)))


def pictures(packets: list[SourcePacket] | list[Packet]) -> list[bytes]:
    """Their slices; parameter sets may be said more often on the way."""
    return [
        b"".join(nal for nal in split_lengths(one.data) if nal_type("h264", nal) in (1, 5))
        for one in packets
        if one.is_video
    ]


def is_within(some: list[bytes], all_of: list[bytes]) -> bool:
    start = all_of.index(some[0])
    return all_of[start : start + len(some)] == some


@pytest.mark.parametrize("client", ["own", "ffmpeg"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_player_gets_the_pictures_as_they_came(client: str, transport: str) -> None:
    async with serving(PACKETS) as house:
        got = await watch(house.address(), pictures=40, sounds=20, client=client, transport=transport)
    if transport == "tcp":
        assert is_within(pictures(got)[:40], pictures(PACKETS))
    else:  # a busy machine may drop datagrams: what comes is as it was, and in order
        sent = iter(pictures(PACKETS))
        assert all(picture in sent for picture in pictures(got)[:40] if picture in pictures(PACKETS))
        assert sum(picture in pictures(PACKETS) for picture in pictures(got)[:40]) > 30
    assert got[0].is_keyframe
    assert next(packet.data for packet in got if not packet.is_video) == b"\x01\x18\x20\x07"


async def test_sound_that_a_file_cannot_hold_goes_out_as_it_came() -> None:
    async with serving(G711) as house:
        got = await watch(house.address("porch/main"), pictures=5, sounds=50)
    heard = [packet for packet in got if not packet.is_video]
    assert isinstance(heard[0].format, AudioFormat)
    assert heard[0].format.codec == "pcmu"


async def test_a_camera_that_begins_anew_does_not_set_the_players_clock_back() -> None:
    first, second = video(count=60), video(count=60)
    packets = list(numbered(first, _later(second, 6_000)))
    async with serving(packets) as house:
        got = await watch(house.address(), pictures=70)
    times = [packet.pts for packet in got if packet.is_video]
    assert all(before < after for before, after in pairwise(times))
    assert max(after - before for before, after in pairwise(times)) == pytest.approx(2.07 * 90_000, abs=0.1 * 90_000)


def _later(packets: list[Packet], by_ms: int) -> list[Packet]:
    return [replace(one, run=RunId("second"), at_ms=one.at_ms + by_ms) for one in packets]


async def test_a_viewer_is_counted_while_it_sees() -> None:
    async with serving(PACKETS, look_s=0.05) as house:
        watching = asyncio.create_task(watch(house.address(), pictures=60))
        async with asyncio.timeout(30):
            while not house.viewers[0]:
                await asyncio.sleep(0.02)
            await watching
            while house.viewers[0]:
                await asyncio.sleep(0.02)


async def test_a_wrong_secret_is_refused() -> None:
    async with serving(PACKETS) as house:
        assert isinstance(await refusal(house.address(secret="wrong")), SourceRefused)
        assert set(house.doorman.wrong) == {("tv", "127.0.0.1")}


async def test_nobody_comes_in_without_a_name() -> None:
    async with serving(PACKETS) as house:
        assert isinstance(await refusal(f"rtsp://{house.server.address}/porch"), SourceRefused)


@pytest.mark.parametrize("path", ["yard", "cellar", "porch/sub", "porch/other", ""])
async def test_what_one_may_not_see_looks_like_what_is_not_there(path: str) -> None:
    async with serving(PACKETS) as house:
        assert isinstance(await refusal(house.address(path)), SourceNotFound)


async def test_a_camera_that_sends_nothing_says_so() -> None:
    async with serving([]) as house:
        assert "503" in str(await refusal(house.address()))


async def test_a_right_that_ends_ends_the_stream() -> None:
    async with serving(PACKETS, look_s=0.05) as house:
        watching = asyncio.create_task(watch(house.address(), pictures=10_000))
        async with asyncio.timeout(30):
            while not house.viewers[0]:
                await asyncio.sleep(0.02)
            house.doorman.cameras.clear()
            with pytest.raises(SourceClosed):
                await watching


async def test_a_server_that_ends_lets_go_of_everybody() -> None:
    async with serving(PACKETS) as house:
        watching = asyncio.create_task(watch(house.address(), pictures=10_000))
        async with asyncio.timeout(30):
            while not house.viewers[0]:
                await asyncio.sleep(0.02)
            await house.server.stop()
            with pytest.raises((SourceClosed, SourceUnreachable)):
                await watching


async def test_the_secret_never_goes_over_the_line() -> None:
    heard = bytearray()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*house.server.address.split(":"))

        async def copy(source: asyncio.StreamReader, out: asyncio.StreamWriter, keep: bool) -> None:
            while data := await source.read(65_536):
                if keep:
                    heard.extend(data)
                out.write(data)
            out.close()

        await asyncio.gather(copy(reader, back, True), copy(there, writer, False), return_exceptions=True)

    async with serving(PACKETS) as house:
        listening = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        await watch(house.address().replace(house.server.address, f"127.0.0.1:{port}"), pictures=3)
        listening.close()
    assert b"Digest" in heard
    assert SECRET.encode() not in heard and b"a%20secret" not in heard


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 40_000,
        b"OPTIONS rtsp://x RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\n" + b"X: y\r\n" * 10_000,
        b"$\x00\xff",
    ],
)
async def test_rubbish_ends_that_connection_only(said: bytes) -> None:
    async with serving(PACKETS) as house:
        watching = asyncio.create_task(watch(house.address(), pictures=60))
        reader, writer = await asyncio.open_connection(*house.server.address.split(":"))
        writer.write(said)
        writer.write_eof()
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                await reader.read()
                writer.close()
                await writer.wait_closed()
            assert len(pictures(await watching)) >= 60


class Line:
    """Keeps the timestamps of what is sent, and of each report UTC, s, and the timestamp."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.reported: list[tuple[float, int]] = []

    def send(self, data: bytes, *, is_report: bool) -> None:
        if not is_report:
            self.sent.append(int.from_bytes(data[4:8], "big"))
            return
        reports = [one for one in read_rtcp(data) if isinstance(one, SenderReport)]
        self.reported += [(one.utc_s, one.time) for one in reports if one.utc_s]

    def close(self) -> None: ...


async def test_who_takes_too_little_goes_on_with_the_newest_keyframe() -> None:
    packets = list(numbered(video(count=150)))
    hub, may_go_on, line = Hub(), asyncio.Event(), Line()
    sent = line.sent

    async def drain() -> None:
        await may_go_on.wait()

    hub.append(packets[0])
    sender = RtspSender(hub, FakeClock(), {True: RtspTrack(packets[0].format, line)}, drain)
    sending = asyncio.create_task(sender.run())
    async with asyncio.timeout(30):
        while not sent:
            await asyncio.sleep(0)
        for packet in packets[1:]:
            hub.append(packet)
        may_go_on.set()
        while len(set(sent)) < 2:
            await asyncio.sleep(0)
    sending.cancel()
    begin = max(packet.at_ms for packet in packets if packet.is_keyframe)
    assert (sent[-1] - sent[0]) % 2**32 >= (begin - packets[0].at_ms) * 90
    assert sender.skipped == 1


@pytest.mark.parametrize("step_ms", [0, -600_000, -30_000, 3_600_000])
async def test_times_and_reports_go_on_when_the_recorders_clock_was_set(step_ms: int) -> None:
    """Sound comes with the second run only: its reports keep to the clock of the first run as well."""
    first, second = video(count=2), _later(video(count=2), 2_000 + step_ms)
    heard = _later(sound(seconds=0.02), 2_000 + step_ms)
    came = [replace(one, number=number) for number, one in enumerate([*first, second[0], *heard, second[1]])]
    hub, clock, shown, played = Hub(), FakeClock(), Line(), Line()
    tracks = {True: RtspTrack(first[0].format, shown), False: RtspTrack(heard[0].format, played)}
    sending = asyncio.create_task(RtspSender(hub, clock, tracks, lambda: asyncio.sleep(0)).run())
    async with asyncio.timeout(30):
        for packet, passed_s in zip(came, (0.0, 1 / 15, 2 - 1 / 15, 0.0, 1 / 15), strict=True):
            clock.advance(passed_s)
            before = len(shown.sent) + len(played.sent)
            hub.append(packet)
            while len(shown.sent) + len(played.sent) == before:
                await asyncio.sleep(0)
    sending.cancel()
    times = sorted(set(shown.sent), key=shown.sent.index)
    steps = [(after - before) % 2**32 for before, after in pairwise(times)]
    assert steps == [6_000, pytest.approx(2 * 90_000 - 6_000, abs=90), 6_000]
    reports = [*shown.reported, *played.reported]
    assert [time for _, time in reports] == [times[0], times[2], played.sent[0]]
    begin_s = first[0].at_ms / 1000
    assert [utc_s - begin_s for utc_s, _ in reports] == pytest.approx([0, 2, 2], abs=0.005)
    assert shown.reported[1][0] - shown.reported[0][0] == pytest.approx(sum(steps[:2]) / 90_000, abs=0.001)


def test_a_report_is_sent_soon_after_the_clock_was_set_back_within_a_run() -> None:
    packets, line = video(count=2), Line()
    track = RtspTrack(packets[0].format, line)
    track.send(packets[0], START_MS, START_MS)
    track.send(replace(packets[1], at_ms=packets[1].at_ms - 600_000), START_MS, START_MS)
    assert len(line.reported) == 2


@pytest.mark.parametrize("path", ["porch?tcp=1", "porch/main?resolution=1"])
async def test_a_query_in_the_address_changes_nothing(path: str) -> None:
    async with serving(PACKETS) as house:
        assert len(pictures(await watch(house.address(path), pictures=5, client="ffmpeg"))) >= 5


async def test_empty_lines_before_a_request_are_ignored() -> None:
    async with serving(PACKETS) as house:
        reader, writer = await asyncio.open_connection(*house.server.address.split(":"))
        writer.write(b"\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        async with asyncio.timeout(30):
            assert await reader.readline() == b"RTSP/1.0 200 OK\r\n"
        writer.close()


class FakeUdp:
    """A UDP socket. places: where it was bound and has sent to."""

    def __init__(self, error: OSError | None = None) -> None:
        self.places: list[tuple[str | int, ...]] = []
        self.is_closed = False
        self._error = error

    def settimeout(self, timeout_s: float) -> None: ...
    def setsockopt(self, level: int, name: int, value: int) -> None: ...

    def bind(self, place: tuple[str | int, ...]) -> None:
        if self._error is not None:
            raise self._error
        self.places.append(place)

    def sendto(self, data: bytes, place: tuple[str | int, ...]) -> None:
        self.places.append(place)

    def close(self) -> None:
        self.is_closed = True


def test_a_player_at_a_link_local_address_gets_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    udp = FakeUdp()
    monkeypatch.setattr("tawny.live.rtsp_server.sender.socket.socket", lambda *_: udp)
    channel = UdpChannel.open(("fe80::2", 50_000, 0, 3), ("fe80::1", 8554, 0, 3), 6000)
    channel.send(b"rtp", is_report=False)
    channel.send(b"rtcp", is_report=True)
    assert udp.places == [("fe80::1", 0, 0, 3), ("fe80::2", 6000, 0, 3), ("fe80::2", 6001, 0, 3)]


def test_a_udp_socket_that_cannot_be_bound_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    udp = FakeUdp(OSError(22, "Invalid argument"))
    monkeypatch.setattr("tawny.live.rtsp_server.sender.socket.socket", lambda *_: udp)
    with pytest.raises(OSError, match="Invalid argument"):
        UdpChannel.open(("fe80::2", 50_000, 0, 3), ("fe80::1", 8554, 0, 3), 6000)
    assert udp.is_closed


async def test_udp_that_cannot_be_opened_is_an_unsupported_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UdpChannel, "open", Mock(side_effect=OSError(22, "Invalid argument")))
    async with serving(PACKETS) as house:
        with pytest.raises(SourceError, match="doesn't support this transport"):
            await watch(house.address(), pictures=1, transport="udp")


@pytest.mark.parametrize("client", ["own", "ffmpeg"])
async def test_one_address_shows_where_something_happens(client: str) -> None:
    """From one camera to another of another size, in one session: parameter sets come before each keyframe."""
    cameras = Cameras({PORCH: Hub(), YARD: Hub()}, PORCH)
    cameras.send(PORCH, video(count=40))
    cameras.send(YARD, video(width=128, count=150, start_ms=START_MS - 5000))
    async with serving(PACKETS) as house:
        house.doorman.follows = cameras.followed()
        watching = asyncio.create_task(watch(house.address("live/follow"), pictures=40, client=client))
        async with asyncio.timeout(30):
            while not cameras.seen:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0)
        feeding = asyncio.create_task(_sends_on(cameras))
        got = await watching
        feeding.cancel()
    assert all(one.pts < two.pts for one, two in pairwise(got))
    assert {64, 128} <= {packet.format.width for packet in got if isinstance(packet.format, VideoFormat)}


async def _sends_on(cameras: Cameras) -> None:
    """The porch a little longer, then the yard."""
    for at in range(40, 60):
        cameras.send(PORCH, [video(count=60)[at]])
        await asyncio.sleep(0.02)
    cameras.go(YARD)
    start_ms = START_MS + 4000
    for round_number in range(20):
        cameras.send(YARD, [replace(one, run=RunId(f"y{round_number}")) for one in video(width=128, start_ms=start_ms)])
        start_ms += 4000
        await asyncio.sleep(0.1)


async def test_who_may_see_other_cameras_now_is_sent_away_from_what_follows() -> None:
    cameras = Cameras({PORCH: Hub()}, PORCH)
    cameras.send(PORCH, video(count=40))
    async with serving(PACKETS, look_s=0.05) as house:
        house.doorman.follows = cameras.followed()
        watching = asyncio.create_task(watch(house.address("live/follow"), pictures=10_000))
        async with asyncio.timeout(30):
            while house.doorman.asked < 5:  # for DESCRIBE, SETUP, and then again and again
                await asyncio.sleep(0.02)
        house.doorman.follows = None
        with pytest.raises(SourceClosed):
            await watching
        async with asyncio.timeout(30):
            while cameras.seen:
                await asyncio.sleep(0.02)


async def test_what_is_private_is_black_for_players() -> None:
    async with serving(PACKETS) as house:
        house.hub.private = (Polygon.of([(0, 0), (0.5, 0), (0.5, 1), (0, 1)]),)
        got = await watch(house.address(), pictures=12)
    assert all(one.is_video for one in got)
    first = got[0]
    assert isinstance(first.format, VideoFormat)
    decoder = Decoder(first.format)
    packets = [Packet(RunId("r"), 0, one.format, one.data, one.pts, 0, one.is_keyframe) for one in got]
    shown = [frame.rgb for packet in packets for frame in decoder.decode(packet)]
    wide = shown[0].shape[1]
    assert shown[0][:, : wide // 2 - 2].mean() < 12
    assert shown[0][:, wide // 2 + 2 :].mean() > 24


async def test_what_becomes_private_ends_what_showed_it() -> None:
    async with serving(PACKETS, look_s=0.05) as house:
        asyncio.get_running_loop().call_later(
            0.5, setattr, house.hub, "private", (Polygon.of([(0, 0), (0.5, 0), (0.5, 1)]),)
        )
        with suppress(SourceClosed):
            await watch(house.address(), pictures=100_000)
            pytest.fail("it went on")


async def test_a_camera_that_begins_anew_ends_what_showed_it() -> None:
    async with serving(PACKETS, look_s=0.05) as house:
        watching = asyncio.create_task(watch(house.address(), pictures=100_000))
        async with asyncio.timeout(30):
            while not house.viewers[0]:
                await asyncio.sleep(0.02)
        house.hubs[PORCH, StreamName.MAIN] = Hub()
        with pytest.raises(SourceClosed):
            await watching
