"""Conversations with cameras that are odd in one way each, a file each in `transcripts`, numbered by the quirk.

`#` what it is; `@` the address asked; `>` what we must say (its first line); `<` what the camera answers, with `{cseq}`
and `{transport}` as asked for; `=` what must come of it: `plays` and what, or `fault` and its word.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import SourceError
from tawny.protocols.sdp import SdpDescription
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client import connection as module
from tawny.sources.rtsp.client.connection import RtspConnection
from tawny.sources.rtsp.client.session import ClientSession, Requests, StreamMemory, TrackTransport, handshake
from tawny.sources.rtsp.source import DEFAULTS
from tawny.sources.source import IdleUntil
from tawny.testing.clock import FakeClock
from tests.sources.reading import reason_of

FOLDER = Path(__file__).with_name("transcripts")
SECRET = "s3cret"


@dataclass
class Transcript:
    address: str = ""
    steps: list[tuple[str, list[str]]] = field(default_factory=list)
    """What we must say, and what the camera answers."""
    end: list[str] = field(default_factory=list)


def read(path: Path) -> Transcript:
    made = Transcript()
    for line in path.read_text().splitlines():
        kind, text = line[0], line[2:]
        match kind:
            case "@":
                made.address = text
            case ">":
                made.steps.append((text, []))
            case "<":
                made.steps[-1][1].append(text)
            case "=":
                made.end = text.split()
            case _:
                assert kind == "#", line
    return made


class ScriptedLine:
    """Stands in for `line.Line`. What we say must be what is written."""

    is_encrypted, is_resolved = False, True

    def __init__(self, transcript: Transcript) -> None:
        self._steps = iter(transcript.steps)
        self._waiting = bytearray()
        self.said: list[str] = []

    def step(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        for text in filter(None, data.decode().split("\r\n\r\n")):
            self.said.append(text)
            wanted, answer = next(self._steps)
            assert text.split("\r\n")[0].removesuffix(" RTSP/1.0") == wanted
            self._waiting += _filled(answer, text)

    def receive_into(self, view: memoryview) -> int | None:
        count = min(len(self._waiting), len(view))
        view[:count] = self._waiting[:count]
        del self._waiting[:count]
        return count or None

    def left(self) -> Iterator[tuple[str, list[str]]]:
        return self._steps

    def close(self) -> None: ...


def _filled(answer: list[str], asked: str) -> bytes:
    """With what was asked for, and the length of the body if there is one."""
    headers = dict(line.split(": ", 1) for line in asked.split("\r\n")[1:])
    text = "\r\n".join(answer).replace("{cseq}", headers.get("CSeq", ""))
    head, blank, body = text.replace("{transport}", headers.get("Transport", "")).partition("\r\n\r\n")
    length = f"\r\nContent-Length: {len(body) + 2}" if blank else ""
    return f"{head}{length}\r\n\r\n{body}{blank and chr(13) + chr(10)}".encode()


PATHS = sorted(FOLDER.glob("*.txt"))


@pytest.mark.plain
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_camera_is_understood(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript = read(path)
    line = ScriptedLine(transcript)
    monkeypatch.setattr(module, "TcpSocket", lambda *_: line)
    clock = FakeClock()
    talks, places = list[ClientSession](), list[TrackTransport]()

    class Session(ClientSession):
        def __init__(self, *about: Any) -> None:
            super().__init__(*about)
            talks.append(self)

    def noted(talk: ClientSession, choose: Any, placed: Any, ports: Any) -> Requests[SdpDescription]:
        def note(place: TrackTransport) -> None:
            places.append(place)
            placed(place)

        return handshake(talk, choose, note, ports)

    monkeypatch.setattr(module, "ClientSession", Session)
    monkeypatch.setattr(module, "handshake", noted)
    connection = RtspConnection(parse_rtsp(transcript.address), DEFAULTS, clock, StreamMemory())
    (talk,) = talks
    ended = ""
    for _ in range(20):
        try:
            assert isinstance(connection.read(), IdleUntil)
        except SourceError as error:
            ended = str(reason_of(error))
            assert SECRET not in f"{error}{error!r}"
            break
        clock.advance(0.02)
    assert not any(SECRET in text for text in line.said)
    if transcript.end[0] == "fault":
        assert ended == transcript.end[1]
        assert list(line.left()) == []
        return
    assert (ended, connection.is_playing) == ("", True)
    if "GET_PARAMETER" not in talk.methods and path.stem.startswith("11"):
        for _ in range(len(transcript.steps) - len(line.said)):
            line.send(talk.keep_alive())
        assert isinstance(connection.read(), IdleUntil), "any answer to it will do"
    assert list(line.left()) == [], "all of it was said"
    _check(transcript.end, talk, places, line)


def _check(end: list[str], talk: ClientSession, places: list[TrackTransport], line: ScriptedLine) -> None:
    kinds = [word for word in end if word in ("video", "audio")]
    assert [place.track.kind for place in places] == kinds
    wanted = dict(zip(end[1 + len(kinds) :: 2], end[2 + len(kinds) :: 2], strict=False))
    text = "\n".join(line.said)
    for name, value in wanted.items():
        match name:
            case "session":
                assert talk.session == value.replace("-", "")
            case "timeout":
                assert talk.timeout_s == int(value)
            case "pause":
                assert talk.pause_s == float(value)
            case "never":
                assert value not in text
            case "login":
                assert f"Authorization: {value} " in text
            case "channels":
                assert str(places[0].channel) == value


def test_each_says_what_it_is() -> None:
    for path in PATHS:
        assert path.read_text().startswith("# "), f"{path.name} does not say what it is"
