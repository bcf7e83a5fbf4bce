"""What moved in events that somebody called something is cut out of the recording, with what it was said to be."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tawny.media.codec.encoder import Encoder
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId
from tawny.model.packets import SourcePacket
from tawny.playback.training_samples import MOST_CROPS, crop_samples, label_of, write
from tests.playback.archives import PORCH, FakeArchive
from training.samples import read

T = 1_795_000_000_000
WIDTH, HEIGHT, FPS, SECONDS = 320, 192, 5, 26
COMES_S = 17


@cache
def walk() -> tuple[SourcePacket, ...]:
    """Something bright crosses the picture from COMES_S on."""
    encoder, made = Encoder(WIDTH, HEIGHT, FPS, gop_s=1), list[SourcePacket]()
    ground = np.random.default_rng(1).integers(60, 90, (HEIGHT // 8, WIDTH // 8)).astype(np.uint8)
    for n in range(FPS * SECONDS):
        grey = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        grey[:HEIGHT] = np.kron(ground, np.ones((8, 8), np.uint8))
        x = round((n / FPS - COMES_S) * 32)
        if x >= 0:
            grey[70:130, x : x + 24] = 220
        made += encoder.encode(grey, n * 90_000 // FPS)
    return tuple(made + encoder.close())


@pytest.fixture
def archive(tmp_path: Path) -> FakeArchive:
    archive = FakeArchive(tmp_path)
    archive.record(T, SECONDS, packets=walk())
    return archive


def event(**text: str) -> Event:
    start_ms = T + COMES_S * 1000 + 500
    return Event(EventId("e"), PORCH, "motion", start_ms, start_ms + 7000, 60.0, **text)  # type: ignore[arg-type]


def test_what_moved_is_cut_out_with_what_it_was_said_to_be(archive: FakeArchive) -> None:
    cuts = crop_samples(archive, event(said="person"))
    assert 5 <= len(cuts) <= MOST_CROPS
    assert {one.label for one in cuts} == {"person"}
    assert all(event().start_ms <= one.at_ms <= event().start_ms + 7000 for one in cuts)
    middle = cuts[len(cuts) // 2]
    assert middle.crop[0, 32, 32] > 180
    assert middle.crop[1, 32, 32] == 255


def test_what_nobody_is_to_see_is_not_in_it(archive: FakeArchive) -> None:
    everything = Polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    assert crop_samples(archive, event(said="person"), [everything]) == []


def test_where_nothing_is_recorded_there_is_nothing(tmp_path: Path) -> None:
    assert crop_samples(FakeArchive(tmp_path), event(said="person")) == []


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ({"said": "vehicle"}, "vehicle"),
        ({"false_alarm": "weather"}, "nothing"),
        ({"said": "animal", "false_alarm": "weather"}, "animal"),
        ({"false_alarm": "known"}, ""),
        ({}, ""),
    ],
)
def test_what_was_said_is_the_label(said: dict[str, str], label: str) -> None:
    assert label_of(event(**said)) == label


def test_what_is_written_training_reads_and_nothing_is_overwritten(archive: FakeArchive, tmp_path: Path) -> None:
    cuts = crop_samples(archive, event(said="person"))
    file = write(tmp_path / "out", PORCH, cuts)
    [porch] = read([tmp_path / "out"])
    assert (porch.camera, porch.counts()["person"]) == (PORCH, len(cuts))
    with pytest.raises(NotDone, match="already exists"):
        write(tmp_path / "out", PORCH, cuts)
    assert file.stat().st_size > 0
    (tmp_path / "file").write_text("")
    with pytest.raises(NotDone, match="Can't write"):
        write(tmp_path / "file", PORCH, cuts)
