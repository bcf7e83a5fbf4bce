"""The contract of sources over every cell: both clients, our camera and GStreamer's server, TCP and UDP, H.264 and
H.265, AAC and G.711. `test_contract` has a sample of these; that pictures and sound come out as they were sent is held
for all of them by `test_rtsp` and `test_gstreamer`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product

import pytest

from tawny.model.packets import VideoCodec
from tawny.model.times import Clock, SystemClock
from tawny.sources.rtsp.source import Rtsp
from tawny.testing.clips import ClipSpec, Sound, clip_file
from tawny.testing.contracts.source import SourceCase, SourceContract
from tests.sources import test_contract
from tests.sources.reading import opening
from tests.sources.test_contract import RtspContract
from tests.sources.test_gstreamer import is_here, launch, serving

SERVER_LENGTH_S = 8
SOUNDS: tuple[Sound, ...] = ("aac", "pcmu")
CODECS: tuple[VideoCodec, ...] = ("h264", "h265")


class GStreamerContract(SourceContract):
    """A clip that ends, at its own pace."""

    SPEC = ClipSpec()
    TRANSPORT = "tcp"
    CLIENT = "own"

    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        with serving(launch(clip_file(self.SPEC), self.SPEC.codec, self.SPEC.sound)) as server:
            here = opening(f"rtsp://{server}/0", SystemClock(), transport=self.TRANSPORT, client=self.CLIENT)
            missing = replace(here, address="rtsp://127.0.0.1:1/0")
            yield SourceCase(Rtsp(), here, missing, self.SPEC.sound, is_live=False)


@dataclass(frozen=True)
class Cell:
    client: str
    peer: str
    transport: str
    spec: ClipSpec

    @property
    def name(self) -> str:
        words = (self.client, self.peer, self.transport, self.spec.codec, self.spec.sound)
        return "Test" + "".join(word.capitalize() for word in words)


def cells() -> Iterator[Cell]:
    for client, peer, transport, codec, sound in product(
        ("own", "ffmpeg"), ("camera", "gstreamer"), ("tcp", "udp"), CODECS, SOUNDS
    ):
        seconds = SERVER_LENGTH_S if peer == "gstreamer" else 4
        yield Cell(client, peer, transport, ClipSpec(codec, sound=sound, seconds=seconds))


def _class_of(cell: Cell) -> type[SourceContract]:
    base = GStreamerContract if cell.peer == "gstreamer" else RtspContract
    marks = [pytest.mark.long]
    if cell.peer == "gstreamer":
        absent = pytest.mark.skipif(not is_here(), reason="GStreamer's server is not installed")
        marks += [pytest.mark.gstreamer, absent]
    data = {"SPEC": cell.spec, "TRANSPORT": cell.transport, "CLIENT": cell.client, "pytestmark": marks}
    return type(cell.name, (base,), data)


globals().update({cell.name: _class_of(cell) for cell in cells()})


def test_there_are_32_cells_and_some_are_in_every_run() -> None:
    assert len({cell.name for cell in cells()}) == 32
    sample = [
        kind for kind in vars(test_contract).values() if isinstance(kind, type) and issubclass(kind, RtspContract)
    ]
    assert {(kind.CLIENT, kind.TRANSPORT) for kind in sample} == set(product(("own", "ffmpeg"), ("tcp", "udp")))
