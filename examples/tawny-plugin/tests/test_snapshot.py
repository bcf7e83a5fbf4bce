"""The source against the contract of sources."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import cv2
import numpy as np
import pytest
from tawny_example.snapshot import SnapshotSource

from tawny.model.errors import SourceNotFound, SourceRefused, SourceUnusable
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Clock
from tawny.sources.source import SourceContext
from tawny.testing.clock import FakeClock
from tawny.testing.contracts import SourceCase, SourceContract
from tawny.testing.contracts.source import SECRET
from tawny.testing.http_service import Reply, StandIn, served


def snapshot(number: int) -> bytes:
    """Return a JPEG with a square that moves."""
    picture = np.full((120, 160, 3), 60, np.uint8)
    picture[40:80, number % 120 : number % 120 + 40] = 220
    return cv2.imencode(".jpg", picture)[1].tobytes()


def opening(port: int, clock: Clock) -> SourceContext:
    address = f"snapshot+http://viewer:{SECRET}@127.0.0.1:{port}/snap.jpg"
    return SourceContext(CameraId("workshop"), StreamName.MAIN, address, {"fps": 10.0}, clock)


class TestSnapshot(SourceContract):
    @contextmanager
    def case(self, clock: Clock) -> Iterator[SourceCase]:
        numbers = count()
        with served(StandIn(lambda _: (200, snapshot(next(numbers))))) as camera:
            here = opening(camera.port, clock)
            yield SourceCase(SnapshotSource(), here, replace(here, address=here.address.replace(str(camera.port), "1")))


@pytest.mark.parametrize(
    ("reply", "error"),
    [((401, b""), SourceRefused), ((404, b""), SourceNotFound), ((200, b"no picture"), SourceUnusable)],
)
def test_each_failure_has_its_error(reply: Reply, error: type[Exception]) -> None:
    with served(StandIn(lambda _: reply)) as camera, pytest.raises(error):
        SnapshotSource().open(opening(camera.port, FakeClock()))
