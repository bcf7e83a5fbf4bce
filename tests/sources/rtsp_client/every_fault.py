"""Every way in which a camera may misbehave, as data: what it does, how the connection ends, what may be lost by it.

Two kinds: faults of a camera that plays, and of one that never comes to that.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tawny.media.codec.nal import join_lengths, parameter_sets, split_lengths
from tawny.protocols.rtp import RtpPacket
from tawny.sources.rtsp.client.transcript import Reason
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import (
    Mutation,
    answer,
    endless,
    losing,
    own_times,
    random_bytes,
    random_payloads,
    shuffled,
    twice,
)

ONE, THREE, H265, H265_SLICES = ClipSpec(), ClipSpec(slices=3), ClipSpec("h265"), ClipSpec("h265", slices=3)
SOUND = ClipSpec(slices=3, sound="aac")
WHOLE = 10
"""Pictures that come before a fault."""
Act = Callable[[RtspCamera], object]


@dataclass(frozen=True)
class Case:
    """act: begins the fault. ends: the word for how the connection ends; `closed` when the camera has played all.

    keeps_all: nothing is lost by it. setup: of the camera, from the beginning on.
    """

    name: str
    act: Act
    clip: ClipSpec = ONE
    transport: str = "tcp"
    ends: Reason | tuple[Reason, ...] = "closed"
    keeps_all: bool = False
    setup: dict[str, object] = field(default_factory=dict)
    from_the_beginning: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{self.clip.codec}-{self.clip.slices}-{self.transport}"


def nothing(camera: RtspCamera) -> None: ...


def set_to(**values: object) -> Act:
    def act(camera: RtspCamera) -> None:
        for name, value in values.items():
            assert hasattr(camera.faults, name)
            setattr(camera.faults, name, value)

    return act


def packets(make: Callable[[], Mutation]) -> Act:
    """Made anew for every camera, as some remember what was."""
    return lambda camera: setattr(camera.faults, "packets", make())


def always_the_same(name: str, make: Callable[[], Mutation], clip: ClipSpec, **how: Any) -> "Case":
    """Random data that begins with the tenth picture, however fast we read: some of it is as good as a camera's own,
    and nobody can tell."""
    return Case(name, packets(lambda: after(WHOLE, make())), clip, from_the_beginning=True, **how)


def after(units: int, mutation: Mutation) -> Mutation:
    """From then on."""
    count = 0

    def mutate(packets: list[RtpPacket]) -> Sequence[RtpPacket | bytes]:
        nonlocal count
        count += 1
        return packets if count <= units else mutation(packets)

    return mutate


def units(make: Callable[[], Callable[[bytes], bytes]]) -> Act:
    return lambda camera: setattr(camera.faults, "units", make())


# --- what becomes of packets


def burst_lost(every: int = 40, count: int = 6) -> Mutation:
    """Several packets in a row are lost."""
    seen = 0

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        nonlocal seen
        kept = []
        for packet in packets:
            seen += 1
            if seen % every >= count:
                kept.append(packet)
        return kept

    return mutate


def ends_lost(packets: list[RtpPacket]) -> list[RtpPacket]:
    """Of every fifth unit the marked packet is lost."""
    return [packet for packet in packets if not packet.is_marked or packet.time // 6000 % 5]


def starts_lost(packets: list[RtpPacket]) -> list[RtpPacket]:
    return packets[1:] if packets and packets[0].time // 6000 % 5 == 0 else packets


def stale(packets: list[RtpPacket]) -> list[RtpPacket]:
    """An old session's packets between."""
    return [one for packet in packets for one in (packet, replace(packet, ssrc=9, sequence=packet.sequence * 3))]


def now_and_then(mutation: Mutation, share: float = 0.2) -> Mutation:
    luck = random.Random(4)
    return lambda packets: mutation(packets) if luck.random() < share else packets


def held_back(units: int = 6) -> Mutation:
    """Units wait for each other and come all at once."""
    waiting: list[RtpPacket] = []
    count = 0

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        nonlocal count
        waiting.extend(packets)
        count += 1
        if count % units:
            return []
        going = list(waiting)
        waiting.clear()
        return going

    return mutate


def begun_anew(packets: list[RtpPacket]) -> list[RtpPacket]:
    """Another source, other numbers, other times, for good."""
    return [replace(p, ssrc=77, sequence=p.sequence + 30_000, time=p.time + 3_000_000_000) for p in packets]


def of_type(payload_type: int) -> Mutation:
    return lambda packets: [replace(packet, payload_type=payload_type) for packet in packets]


def clock_stands(packets: list[RtpPacket]) -> list[RtpPacket]:
    return [replace(packet, time=5) for packet in packets]


# --- what becomes of units before they are cut into packets: the camera sends it whole


def cut_short() -> Callable[[bytes], bytes]:
    """NAL units that the camera itself cut: nobody can tell without decoding."""
    luck = random.Random(6)

    def change(data: bytes) -> bytes:
        nals = split_lengths(data)
        return join_lengths([*nals[:-1], nals[-1][: max(20, round(len(nals[-1]) * luck.random()))]])

    return change


def filled() -> Callable[[bytes], bytes]:
    """Ten times the bytes: filler NAL units behind every picture."""

    def change(data: bytes) -> bytes:
        nals = split_lengths(data)
        filler = b"\x0c" if nals[-1][0] & 31 in (1, 5) else b"\x4c\x01"
        return join_lengths([*nals, *([filler + b"\xff" * 1000 + b"\x80"] * (9 * len(data) // 1000 + 1))])

    return change


def random_sets() -> Callable[[bytes], bytes]:
    """Parameter sets of random bytes."""
    luck = random.Random(8)

    def change(data: bytes) -> bytes:
        nals = split_lengths(data)
        codec = "h264" if nals[0][0] & 31 in (1, 5, 7, 8) else "h265"
        sets = parameter_sets("h264" if codec == "h264" else "h265", nals)
        head = 1 if codec == "h264" else 2
        return join_lengths([n[:head] + luck.randbytes(len(n)) if n in sets else n for n in nals])

    return change


def another_size(camera: RtspCamera) -> None:
    camera.clip = made_clip(replace(ONE, width=160, height=120))


def goes_on_faster(camera: RtspCamera) -> None:
    camera.setup.speed = 80.0


PLAYING = [
    Case("nothing-at-all", nothing, H265, keeps_all=True),
    # connection
    Case("reset", RtspCamera.kick, THREE, ends="reset"),
    Case("closed", RtspCamera.hang_up, H265, keeps_all=True),
    Case("closed-udp", RtspCamera.hang_up, THREE, "udp", keeps_all=True),
    Case("stall", set_to(stall=True), THREE, ends="stall"),
    Case("stall-udp", set_to(stall=True), H265, "udp", ends="stall"),
    Case("freeze", set_to(stall=True, silent=frozenset("*")), H265, ends="stall"),
    Case("bye-and-silence", set_to(bye=True), THREE, ends="bye"),
    Case("bye-and-silence-udp", set_to(bye=True), H265, "udp", ends="bye"),
    Case("gone", RtspCamera.down, H265, ends="reset"),
    Case("only-with-signs-of-life", nothing, ONE, keeps_all=True, setup={"timeout_s": 4, "speed": 2.0}),
    # parameter sets and keyframes
    Case("no-sets-in-band", nothing, THREE, keeps_all=True, setup={"sets_in_band": False}, from_the_beginning=True),
    Case("no-sets-in-sdp", nothing, H265, keeps_all=True, setup={"sets_in_sdp": False}, from_the_beginning=True),
    Case(
        "no-sets-anywhere", nothing, THREE, ends="no-parameters",
        setup={"sets_in_sdp": False, "sets_in_band": False, "passes": None}, from_the_beginning=True,
    ),
    Case("random-sets", units(random_sets), THREE),
    Case("random-sets", units(random_sets), H265),
    Case("another-resolution", another_size, ONE, keeps_all=True),
    Case("no-keyframes", set_to(no_keyframes=True), THREE, keeps_all=True),
    # packets
    always_the_same("random-payloads", lambda: now_and_then(random_payloads()), THREE),
    always_the_same(
        "random-payloads", lambda: now_and_then(random_payloads()), H265_SLICES, ends=("closed", "stall")
    ),
    Case("nothing-but-random-payloads", packets(random_payloads), H265, ends="stall"),
    always_the_same("random-packets", lambda: now_and_then(random_bytes(), 0.05), THREE),
    Case("rubbish-between", set_to(between=b"\xfe\xfd" * 300), H265, keeps_all=True),
    Case("line-ends-between", set_to(between=b"\r\n"), keeps_all=True),
    Case("wrong-lengths", set_to(wrong_lengths=0.02), THREE),
    Case("wrong-lengths", set_to(wrong_lengths=0.02), H265),
    Case("cut-nal-units", units(cut_short), THREE, keeps_all=True),
    Case("ten-times-the-bytes", units(filled), H265, keeps_all=True),
    Case("ten-times-the-bytes", units(filled), THREE, keeps_all=True),
    Case("loss", packets(lambda: losing(0.01)), THREE),
    Case("loss", packets(lambda: losing(0.05)), H265_SLICES),
    Case("loss", packets(lambda: losing(0.02)), ONE, "udp"),
    Case("heavy-loss", packets(lambda: losing(0.3)), H265_SLICES),
    Case("bursts-lost", packets(burst_lost), THREE),
    Case("bursts-lost", packets(burst_lost), H265_SLICES, "udp"),
    Case("ends-lost", packets(lambda: ends_lost), THREE),
    Case("starts-lost", packets(lambda: starts_lost), H265_SLICES),
    Case("duplicates", packets(lambda: twice), THREE, keeps_all=True),
    Case("duplicates", packets(lambda: twice), H265_SLICES, "udp", keeps_all=True),
    Case("reordering", packets(lambda: shuffled(0.2)), H265_SLICES, keeps_all=True),
    Case("reordering", packets(lambda: shuffled(0.2)), THREE, "udp", keeps_all=True),
    Case("an-old-sessions-packets", packets(lambda: stale), H265_SLICES, keeps_all=True),
    Case("endless-picture", packets(endless), ONE, ends=("picture-too-big", "stall"), setup={"passes": None}),
    Case("cut-in-a-picture", set_to(stop_in_unit=True), THREE, ends="stall"),
    # times
    Case("own-times", packets(own_times), THREE, keeps_all=True),
    Case("clock-back", set_to(clock_step_s=-5.0), keeps_all=True),
    Case("clock-ahead", set_to(clock_step_s=3600.0), H265, keeps_all=True),
    Case("clock-stands", packets(lambda: clock_stands), THREE, keeps_all=True),
    Case("clock-stands", packets(lambda: clock_stands), H265, keeps_all=True),
    Case("times-go-round", nothing, H265, keeps_all=True, setup={"time_base": 2**32 - 100_000}),
    Case("new-source", packets(lambda: begun_anew), THREE),
    Case("new-source", packets(lambda: begun_anew), H265_SLICES),
    Case("undeclared-type", packets(lambda: of_type(50)), THREE, from_the_beginning=True),
    Case("undeclared-type", packets(lambda: of_type(35)), H265, from_the_beginning=True),
    # pace
    Case("bursts", packets(held_back), H265),
    Case("ten-times-the-speed", goes_on_faster, THREE, keeps_all=True),
    Case("trickle", set_to(trickle_bytes=97), H265, keeps_all=True),
    Case("jitter", set_to(jitter_s=0.05), THREE, keeps_all=True),
    Case("pause-in-a-packet", set_to(pause_in_packet_s=0.4), keeps_all=True),
    # reports
    Case("no-reports", nothing, SOUND, keeps_all=True, setup={"sender_reports": False}),
    Case("wrong-reports", set_to(sender_report_step_s=3600.0), SOUND, keeps_all=True),
]  # fmt: skip


@dataclass(frozen=True)
class Never:
    """A camera that never plays. act: before it is asked."""

    name: str
    act: Act
    ends: Reason

    def __str__(self) -> str:
        return self.name


def answers(method: str, raw: bytes) -> Act:
    return lambda camera: camera.faults.answers.update({method: raw})


def describes(sdp: bytes) -> Act:
    return set_to(sdp=sdp)


def wants_login(camera: RtspCamera) -> None:
    """401 for ever, each with another challenge."""
    text = "".join(chr(97 + n % 26) for n in range(8))
    camera.setup.login, camera.setup.password = "md5", "right"
    camera.faults.answers["DESCRIBE"] = answer(
        "401 Unauthorized", f'WWW-Authenticate: Digest realm="r", nonce="{text}"'
    )


OK = b"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n"
VIDEO = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
NEVER = [
    Never("refused", RtspCamera.down, "unreachable"),
    Never("silent", set_to(silent=frozenset("*")), "open-timeout"),
    Never("a-byte-now-and-then", set_to(byte_pause_s=0.05), "open-timeout"),
    Never("header-line-without-end", answers("OPTIONS", OK + b"X: " + b"x" * 40_000), "header-too-long"),
    Never("headers-without-end", answers("DESCRIBE", OK + b"X: y\r\n" * 8_000), "header-too-long"),
    Never("body-of-4-gigabytes", answers("DESCRIBE", OK + b"Content-Length: 4294967296\r\n\r\n"), "body-too-long"),
    Never("http", answers("OPTIONS", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "not-rtsp"),
    Never("401-for-ever", wants_login, "login-refused"),
    Never("403", answers("DESCRIBE", answer("403 Forbidden")), "login-refused"),
    Never("404", answers("DESCRIBE", answer("404 Not Found")), "not-found"),
    Never("453-one-viewer-only", answers("PLAY", answer("453 Not Enough Bandwidth")), "busy"),
    Never("461-tcp-refused", answers("SETUP", answer("461 Unsupported Transport")), "transport"),
    Never(
        "redirect-elsewhere", answers("DESCRIBE", answer("302 Moved", "Location: rtsp://192.0.2.9/x")),
        "redirect-refused",
    ),
    Never("redirect-to-itself", answers("DESCRIBE", answer("301 Moved", "Location: stream")), "redirect-refused"),
    Never("redirect-to-a-file", answers("OPTIONS", answer("302 Moved", "Location: file:///x")), "redirect-refused"),
    Never("sdp-empty", describes(b""), "sdp"),
    Never("sdp-of-megabytes", describes(VIDEO + b"a=x:" + b"y" * 3_000_000), "body-too-long"),
    Never("sdp-of-thousands-of-tracks", describes(b"v=0\r\n" + b"m=video 0 RTP/AVP 96\r\n" * 2_000), "sdp"),
    Never("sdp-absurd", describes(b"v=0\r\nm=video -1 RTP/AVP 999999999999\r\na=rtpmap:\0/\xff\r\n"), "no-video"),
    Never("sdp-of-sound-alone", describes(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n"), "no-video"),
    Never("udp-refused", set_to(), "transport"),
]  # fmt: skip
