"""An RTSP camera for tests: serves a clip in a loop, records what it sent, and simulates faults at run time.

Runs in one thread with its own asyncio loop; call all methods from any thread. Each viewer gets the clip from its
start, at its rate times the setup's `speed`.
"""

import asyncio
import base64
import fcntl
import random
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from tawny.live.rtsp_server.sender import Channel, TcpChannel, UdpChannel
from tawny.media.codec.nal import join_lengths, parameter_sets, split_lengths
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket, VideoFormat
from tawny.protocols import digest_auth
from tawny.protocols.rtp import Packetizer, RtpPacket, goodbye
from tawny.protocols.rtsp_message import RtspReply, RtspRequest, read_request
from tawny.protocols.sdp import VIDEO_TYPE, media_lines, payload_type
from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_card import MemoryCard, ReplayPlayer, start_of
from tawny.testing.rtsp_viewer import CameraFaults, CameraSetup, FakeRtspViewer, SentUnit

# Plays a clip to one viewer in real time, in a loop, with the camera's current faults.

_SIOCOUTQNSD = 0x894B
"""Bytes of a connection that are not sent yet: linux/sockios.h."""
_LOOK_S = 0.02
_REPORT_S = 1.0
_SLOWEST_S = 5.0
"""Time after which a viewer that reads nothing is dropped, s, as real cameras do."""


class _Due(NamedTuple):
    packet: SourcePacket
    due_s: float
    """Time since the clip's start, in decode order, s."""


class ClipPlayer:
    """Runs as one task until cancelled or done.

    channels: by track, 0 for video, 1 for audio. whole: lock held while half a packet is sent.
    """

    def __init__(
        self,
        camera: "RtspCamera",
        viewer: FakeRtspViewer,
        channels: dict[int, Channel],
        writer: asyncio.StreamWriter,
        whole: asyncio.Lock,
    ) -> None:
        self._camera, self._viewer, self._channels, self._writer = camera, viewer, channels, writer
        self._whole = whole
        self._clip = camera.clip
        self._tracks: dict[int, Packetizer] = {}
        self._first = 0
        """Number of the first packet of the clip that is sent."""
        self._base_s = 0.0
        """Start of the current pass in session time, s."""
        self._began_s, self._began_utc_s = time.monotonic(), time.time()
        self._stepped_s = 0.0
        self._reported_s = -_REPORT_S
        self._luck = random.Random(9)
        self._is_spoilt = False
        self._make_tracks()

    async def run(self) -> None:
        """Play until all passes are done."""
        played, card = 0, self._camera.card
        if card is not None:
            self._began_s, self._began_utc_s = card.begun_s, card.begun_ms / 1000
            self._base_s, self._first = start_of(card, self._clip)
        while self._camera.setup.passes is None or played < self._camera.setup.passes:
            clip = self._clip = self._camera.clip
            ended_s = await self._pass(clip)
            self._base_s += ended_s
            played += 1

    async def _pass(self, clip: SampleClip) -> float:
        """Play the clip once, or until it is replaced. Return the played length, s."""
        first, self._first = self._first, 0
        for due in list(_schedule(clip))[first:]:
            if self._camera.clip is not clip:
                return due.due_s
            await self._wait(due.due_s)
            packet = self._dressed(due.packet)
            if packet is not None:
                await self._send(packet, due.due_s)
        return clip.length_s

    async def _wait(self, due_s: float) -> None:
        faults, speed = self._camera.faults, self._camera.setup.speed
        while True:
            stopped_s = time.monotonic()
            if faults.stall:
                await asyncio.sleep(_LOOK_S)
                self._hold(time.monotonic() - stopped_s)
                continue
            left_s = self._began_s + (self._base_s + due_s) / speed - stopped_s
            if left_s <= 0:
                return
            await asyncio.sleep(min(left_s, _LOOK_S))

    def _hold(self, paused_s: float) -> None:
        """Advance the camera's clock during a pause."""
        self._base_s += paused_s * self._camera.setup.speed

    def _dressed(self, packet: SourcePacket) -> SourcePacket | None:
        """Return a keyframe with in-band parameter sets, if configured; None to omit this packet."""
        if not packet.is_keyframe or not isinstance(packet.format, VideoFormat):
            return packet
        if self._camera.faults.no_keyframes:
            return None
        nals = split_lengths(packet.data)
        if not self._camera.setup.sets_in_band or parameter_sets(packet.format.codec, nals):
            return packet
        return replace(packet, data=join_lengths([*packet.format.parameter_sets, *nals]))

    async def _send(self, packet: SourcePacket, due_s: float) -> None:
        faults, track = self._camera.faults, 0 if packet.is_video else 1
        channel, packetizer = self._channels.get(track), self._tracks.get(track)
        if channel is None or packetizer is None:
            return
        if faults.units is not None and packet.is_video:
            packet = replace(packet, data=faults.units(packet.data))
        self._stepped_s, faults.clock_step_s = self._stepped_s + faults.clock_step_s, 0.0
        pts = packet.pts + round((self._base_s + self._stepped_s) * packet.format.rate)
        self._report(due_s)
        whole = packetizer.cut(packet.data, pts)
        going = list(faults.packets(whole) if faults.packets is not None else whole)
        stops = faults.stop_in_unit and packet.is_video and len(going) > 1
        if stops:
            going = going[: len(going) // 2]
        if faults.jitter_s:
            await asyncio.sleep(self._luck.random() * faults.jitter_s)
        if faults.bye:
            faults.bye, faults.stall = False, True
            channel.send(goodbye(packetizer.ssrc), is_report=True)
            return
        await self._out(channel, going)
        damaged, self._is_spoilt = stops or going != whole or self._is_spoilt, False
        self._viewer.sent.append(SentUnit(packet.is_video, packet.data, pts, packet.is_keyframe, damaged))
        if faults.between and isinstance(channel, TcpChannel):
            self._writer.write(faults.between)
        if stops:
            faults.stop_in_unit, faults.stall = False, True
        async with asyncio.timeout(_SLOWEST_S):
            await self._writer.drain()

    async def _out(self, channel: Channel, packets: Sequence[RtpPacket | bytes]) -> None:
        for packet in packets:
            data = packet if isinstance(packet, bytes) else packet.to_bytes()
            pause_s = self._camera.faults.pause_in_packet_s
            if pause_s and isinstance(channel, TcpChannel):
                self._camera.faults.pause_in_packet_s = 0.0
                framed = b"$" + bytes([channel.number]) + len(data).to_bytes(2, "big") + data
                async with self._whole:
                    self._writer.write(framed[: len(framed) // 2])
                    await asyncio.sleep(pause_s)
                    self._hold(pause_s)
                    self._writer.write(framed[len(framed) // 2 :])
            elif isinstance(channel, TcpChannel) and self._is_odd():
                await self._oddly(channel, data)
            else:
                channel.send(data, is_report=False)

    def _is_odd(self) -> bool:
        faults = self._camera.faults
        return faults.trickle_bytes > 0 or self._luck.random() < faults.wrong_lengths

    async def _oddly(self, channel: TcpChannel, data: bytes) -> None:
        """Send in small pieces or with a wrong length."""
        faults, length = self._camera.faults, len(data)
        if faults.wrong_lengths:
            length = max(0, length + self._luck.randrange(-40, 40))
            self._is_spoilt = True
        framed = b"$" + bytes([channel.number]) + length.to_bytes(2, "big") + data
        step = faults.trickle_bytes or len(framed)
        async with self._whole:
            for at in range(0, len(framed), step):
                self._writer.write(framed[at : at + step])
                await self._writer.drain()
                if faults.trickle_bytes:
                    await asyncio.sleep(0)

    def _report(self, due_s: float) -> None:
        """Send sender reports of all tracks for one instant of the clip."""
        at_s = self._base_s + due_s
        if not self._camera.setup.sender_reports or at_s - self._reported_s < _REPORT_S:
            return
        self._reported_s = at_s
        utc_s = self._began_utc_s + at_s + self._camera.faults.sender_report_step_s
        for number, channel in self._channels.items():
            packetizer = self._tracks.get(number)
            if packetizer is not None:
                pts = round((at_s + self._stepped_s) * self._rate(number))
                channel.send(packetizer.sender_report(utc_s, pts), is_report=True)

    def _rate(self, track: int) -> int:
        sound = self._clip.sound
        return sound.rate if track == 1 and sound is not None else VIDEO_RATE

    def _make_tracks(self) -> None:
        self._tracks = make_tracks(self._clip, self._camera.setup)


def make_tracks(clip: SampleClip, setup: CameraSetup | None = None) -> dict[int, Packetizer]:
    """Return the RTP tracks of a clip."""
    aggregate, base = (setup.aggregate, setup.time_base) if setup is not None else (False, None)
    made = {0: Packetizer(clip.video, VIDEO_TYPE, ssrc=0x1111, first=4000, aggregate=aggregate, time_base=base)}
    if clip.sound is not None:
        made[1] = Packetizer(clip.sound, payload_type(clip.sound), ssrc=0x2222, first=900)
    return made


def _schedule(clip: SampleClip) -> Iterator[_Due]:
    """Yield video at even intervals in decode order, regardless of presentation order; audio at its own times."""
    shown = iter(sorted(packet.pts for packet in clip.packets if packet.is_video))
    due_s = 0.0
    for packet in clip.packets:
        at = next(shown) if packet.is_video else packet.pts
        due_s = max(due_s, at / packet.format.rate)
        yield _Due(packet, due_s)


_REALM = "camera"
BACK_TRACK = 2
_CLOSES_S = 1.0
"""Maximum wait for a viewer that does not read pending data, s."""


class FakeRtspSession:
    """Runs in the camera's loop. `end` may be called at any time; `over` is set when the session is cleaned up."""

    def __init__(
        self, camera: "RtspCamera", viewer: FakeRtspViewer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._camera, self._viewer, self._reader, self._writer = camera, viewer, reader, writer
        self._nonce = secrets.token_hex(8)
        self._channels: dict[int, Channel] = {}
        self._back_channel: int | None = None
        self._sockets: list[socket.socket] = []
        self._task: asyncio.Task[None] | None = None
        self._playing: asyncio.Task[None] | None = None
        self._whole = asyncio.Lock()  # held while half a packet is sent, so that no response comes in between
        self.over = asyncio.Event()

    @property
    def socket(self) -> socket.socket:
        found: socket.socket = self._writer.get_extra_info("socket")
        return found

    async def run(self) -> None:
        """Answer requests until the viewer leaves or `end` is called."""
        self._task = asyncio.current_task()
        try:
            while await self._answer_one():
                pass
            self._ended("left")
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            self._ended("left")
        except TimeoutError:
            self._ended("no sign of life")
        except asyncio.CancelledError:
            self._ended("ended")
        finally:
            await self._let_go()

    def end(self, why: str, *, reset: bool) -> None:
        self._ended(why)
        if reset and not self._writer.transport.is_closing():
            self._spoil_unsent()
            linger = struct.pack("ii", 1, 0)  # closing sends RST
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._writer.transport.abort()
        if self._task is not None:
            self._task.cancel()

    def _spoil_unsent(self) -> None:
        """Mark what a reset discards: the system still holds the end of a burst while nothing of it is acknowledged."""
        unsent = fcntl.ioctl(self.socket, _SIOCOUTQNSD, bytes(4))
        left = int.from_bytes(unsent, sys.byteorder) + self._writer.transport.get_write_buffer_size()
        sent = self._viewer.sent
        for number in reversed(range(len(sent))):
            if left <= 0:
                return
            left -= len(sent[number].data)
            sent[number] = replace(sent[number], is_damaged=True)

    async def _let_go(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, TimeoutError):
                await self._playing
        for udp in self._sockets:
            udp.close()
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _CLOSES_S)
        self.over.set()

    def _ended(self, why: str) -> None:
        self._viewer.ended = self._viewer.ended or why

    async def _answer_one(self) -> bool:
        """Read one request and answer it. Return False after TEARDOWN."""
        async with asyncio.timeout(self._camera.setup.timeout_s if self._playing is not None else None):
            first = await self._reader.readexactly(1)
        if first == b"$":  # receiver report or backchannel audio of the viewer
            head = await self._reader.readexactly(3)
            packet = await self._reader.readexactly(int.from_bytes(head[1:], "big"))
            if head[0] == self._back_channel:
                self._viewer.heard += packet[12:]
            return True
        request = read_request(first + (await self._reader.readuntil(b"\r\n\r\n"))[:-4])
        await self._reader.readexactly(request.body_bytes)
        method, url = request.method, request.url
        self._viewer.requests.append(method)
        faults, sequence = self._camera.faults, request.header("cseq") or "0"
        if faults.silent & {method, "*"}:
            return True
        scripted = faults.answers.get(f"{method} {url.rpartition('/')[2]}", faults.answers.get(method))
        if scripted is not None and faults.answers_left:
            faults.answers_left -= 1
            await self._say(scripted.replace(b"{cseq}", sequence.encode()))
            return True
        reply = self._reply(request)
        await self._say(reply.to_bytes(sequence))
        if method == "PLAY" and reply.is_ok:
            self._play(request)
        return method != "TEARDOWN"

    async def _say(self, data: bytes) -> None:
        pause_s = self._camera.faults.byte_pause_s
        async with self._whole:
            for at in range(len(data)) if pause_s else ():
                self._writer.write(data[at : at + 1])
                await asyncio.sleep(pause_s)
            if not pause_s:
                self._writer.write(data)
            await self._writer.drain()

    def _reply(self, request: RtspRequest) -> RtspReply:
        method, url = request.method, request.url
        if method == "OPTIONS":
            return RtspReply(headers={"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"})
        if not may_enter(self._camera.setup, self._nonce, method, request.header("authorization")):
            return RtspReply("401 Unauthorized", {"WWW-Authenticate": challenge(self._camera.setup, self._nonce)})
        if request.header("require") == "onvif-replay" and self._camera.card is None:
            return RtspReply("551 Option not supported")
        wants_speaker = request.header("require") == "www.onvif.org/ver20/backchannel"
        if wants_speaker and not self._camera.setup.speaker:
            return RtspReply("551 Option not supported")
        if method == "DESCRIBE":
            sdp = self._camera.faults.sdp
            body = describe_clip(self._camera.clip, self._camera.setup, with_back=wants_speaker) if sdp is None else sdp
            return RtspReply(headers={"Content-Type": "application/sdp", "Content-Base": f"{url}/"}, body=body)
        if method == "SETUP":
            return self._set_up(url, request.header("transport"))
        return RtspReply(headers={"Session": "12345678"})

    def _set_up(self, url: str, transport: str) -> RtspReply:
        track = int(url.rsplit("track", 1)[1])
        is_tcp = "interleaved=" in transport
        if not is_tcp and self._camera.setup.udp_refused:
            return RtspReply("461 Unsupported Transport")
        number = int(transport.split("interleaved=" if is_tcp else "client_port=")[1].split("-")[0])
        self._viewer.transport = "tcp" if is_tcp else "udp"
        if track == BACK_TRACK:
            self._back_channel = number
            return RtspReply(headers={"Transport": transport, "Session": "12345678"})
        if is_tcp:
            self._channels[track] = TcpChannel(self._writer, number)
        else:
            self._viewer.ports = (*self._viewer.ports, number)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            udp.settimeout(0)
            self._sockets.append(udp)
            self._channels[track] = UdpChannel(udp, "127.0.0.1", number)
            port = udp.getsockname()[1]
            transport = f"RTP/AVP;unicast;client_port={number}-{number + 1};server_port={port}-{port}"
        timeout = f"timeout={self._camera.setup.timeout_s}"
        return RtspReply(headers={"Transport": transport, "Session": f"12345678;{timeout}"})

    def _play(self, request: RtspRequest) -> None:
        if self._back_channel is not None:
            return  # a backchannel session receives no media
        card = self._camera.card
        if card is not None and request.header("require") == "onvif-replay":
            card.asked.append(request)
            replay = ReplayPlayer(card, self._camera.clip, self._channels, request)
            self._playing = asyncio.create_task(replay.run(self._writer, make_tracks(self._camera.clip)))
            self._playing.add_done_callback(self._replayed)
            return
        self._viewer.is_playing = True
        player = ClipPlayer(self._camera, self._viewer, self._channels, self._writer, self._whole)
        self._playing = asyncio.create_task(player.run())
        self._playing.add_done_callback(self._played)

    def _replayed(self, task: "asyncio.Task[None]") -> None:
        """Leave the session open, as cameras do, unless the replay broke off."""
        if not task.cancelled() and task.exception() is not None:
            self.end("replay broke off", reset=True)

    def _played(self, task: "asyncio.Task[None]") -> None:
        """Close the session: the passes are done, or the viewer is gone or too slow."""
        if task.cancelled():
            return
        match task.exception():
            case None:
                why = "played to its end"
            case ConnectionError():  # a leaving viewer is often noticed only when sending
                why = "left"
            case error:
                why = f"viewer lost: {error!r}"
        self.end(why, reset=False)


def challenge(setup: CameraSetup, nonce: str) -> str:
    """Return the `WWW-Authenticate` value of the camera's sign-in."""
    if setup.login == "basic":
        return f'Basic realm="{_REALM}"'
    return digest_auth.challenge(nonce, _REALM, _algorithm(setup))


def may_enter(setup: CameraSetup, nonce: str, method: str, authorization: str) -> bool:
    """Return whether a request's `Authorization` is valid."""
    if not setup.login:
        return True
    if setup.login == "basic":
        wanted = base64.b64encode(f"{setup.user}:{setup.password}".encode()).decode()
        return authorization == f"Basic {wanted}"
    algorithm = _algorithm(setup)
    stored = digest_auth.digest(setup.user, setup.password, _REALM, algorithm)
    return digest_auth.is_right(authorization, method, nonce, stored, algorithm)


def _algorithm(setup: CameraSetup) -> str:
    return "SHA-256" if setup.login == "sha-256" else ""


def describe_clip(clip: SampleClip, setup: CameraSetup, *, with_back: bool = False) -> bytes:
    """Return the clip's SDP: video is track0, audio track1, backchannel audio track2."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=tool:tawny test camera"]
    video = media_lines(clip.video, with_sets=setup.sets_in_sdp)
    lines += ["a=control:*", *video, f"a=framerate:{clip.fps:g}", "a=control:track0"]
    if clip.sound is not None:
        lines += [*media_lines(clip.sound), "a=control:track1"]
    if with_back:
        back = AudioFormat("pcma" if setup.speaker == "pcma" else "pcmu", 8000, 1)
        lines += [*media_lines(back), f"a=control:track{BACK_TRACK}", "a=sendonly"]
    return ("\r\n".join(lines) + "\r\n").encode()


# The camera.

_ANSWER_S = 5.0


class RtspCamera:
    """A context manager: listens on its host while active; leaves no thread. host: one of this computer's own."""

    def __init__(self, clip: SampleClip, setup: CameraSetup | None = None, host: str = "127.0.0.1") -> None:
        self.host = host
        self.clip = clip
        """The clip; a replacement is played from its start after the current unit."""
        self.setup = setup or CameraSetup()
        self.faults = CameraFaults()
        self.card: MemoryCard | None = None
        """Its own recordings; set before it starts. The clip then runs on, watched or not."""
        self.viewers: list[FakeRtspViewer] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        """Bound to its port while it is offline, so that no other program gets that port."""
        self._talks: set[FakeRtspSession] = set()
        self._thread = threading.Thread(target=self._run, name="rtsp-camera", daemon=True)

    def __enter__(self) -> Self:
        if self.card is not None:
            self.card.begin()
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._shut)
        self._do(self._clear)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """URL, with login if required."""
        user, password = quote(self.setup.user, safe=""), quote(self.setup.password, safe="")
        login = f"{user}:{password}@" if self.setup.login else ""
        return f"rtsp://{login}{self.host}:{self.port}/stream"

    @property
    def playing(self) -> list[FakeRtspViewer]:
        """All viewers that were ever sent media, in order."""
        return [viewer for viewer in self.viewers if viewer.is_playing]

    def kick(self) -> None:
        """Reset all connections (RST)."""
        self._do(lambda: self._drop(reset=True))

    def hang_up(self) -> None:
        """Close all connections (FIN)."""
        self._do(lambda: self._drop(reset=False))

    def down(self) -> None:
        """Go offline: stop listening, reset all connections."""
        self._do(self._shut)

    def up(self) -> None:
        """Go online again on the same port."""
        self._do(self._listen)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(do(), self._loop).result(_ANSWER_S)

    async def _listen(self) -> None:
        reserved, self._reserved = self._reserved, None
        place: dict[str, Any] = {"sock": reserved} if reserved else {"host": self.host, "port": self.port}
        self._server = await asyncio.start_server(self._accept, **place)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            for listening in server.sockets:
                self._loop.remove_reader(listening.fileno())
            await asyncio.sleep(0)  # asyncio leaves those open that it has just accepted when a server is closed
            server.close()
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.bind((self.host, self.port))
        await self._drop(reset=True)

    async def _clear(self) -> None:
        # connections that were accepted at the last moment are tasks of the loop first, and talks later
        while asyncio.all_tasks() - {asyncio.current_task()}:
            await self._drop(reset=True)
            await asyncio.sleep(0)
        if self._reserved is not None:
            self._reserved.close()

    async def _drop(self, *, reset: bool) -> None:
        talks = list(self._talks)
        for talk in talks:
            talk.end("reset" if reset else "hung up", reset=reset)
        for talk in talks:
            await talk.over.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        viewer = FakeRtspViewer()
        self.viewers.append(viewer)
        talk = FakeRtspSession(self, viewer, reader, writer)
        self._talks.add(talk)
        try:
            await talk.run()
        finally:
            self._talks.discard(talk)
