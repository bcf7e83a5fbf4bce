"""One film scanned at ten phases, and played in real time to the real program: the same events within a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.scan_stays import scan_file
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.index.opening import index_to_read
from tawny.testing.waiting import until
from tests.detection import films
from tests.e2e.conftest import Tawny, with_settings

PHASES_S = [0.2 * number for number in range(10)]
CAMERA = CameraId("porch")


@contextmanager
def running(folder: Path, film: Path) -> Iterator[Tawny]:
    yield from with_settings(folder, f'[cameras.porch]\nsource = "{film}"\n')


def seconds(data: Path) -> list[tuple[float, float]]:
    """The events of the recorder that are over, in seconds of the film; none before its first file is complete."""
    with index_to_read(data) as index:
        begun = index.bounds(CAMERA)
        found = index.events(Span(0, 1 << 50), cameras=[CAMERA]).events
    if begun is None:
        return []
    return sorted(
        ((one.start_ms - begun.begin_ms) / 1000, (one.end_ms - begun.begin_ms) / 1000)
        for one in found
        if one.end_ms is not None
    )


@pytest.mark.parametrize(
    ("film", "count"),
    [
        pytest.param(lambda: films.passes_by(), 1, id="half a minute"),
        pytest.param(lambda: films.walkers(), 2, id="two and a half minutes", marks=pytest.mark.long),
        pytest.param(lambda: films.stays(40, 4), 1, id="somebody stays", marks=pytest.mark.long),
    ],
)
def test_ten_phases_and_real_time_give_the_same_events(tmp_path: Path, film: "films.Film", count: int) -> None:
    path = film()
    with running(tmp_path, path) as house:
        found = [scan_file(path, phase_s)[0] for phase_s in PHASES_S]
        until(lambda: len(seconds(house.folder)) >= count, 300, "all events")
        live = seconds(house.folder)
    assert len(live) == count
    for spans in found:
        assert len(spans) == count
        for ours, theirs in zip(spans, live, strict=True):
            assert ours == pytest.approx(theirs, abs=1.0)
