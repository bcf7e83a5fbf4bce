"""`tawny kinds export`, and the card of what suggests kinds in `tawny models list`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.cli import kinds
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId
from tawny.playback.training_samples import SampleCrop
from tawny.storage.disk.volume import Volume
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import index_to_read
from tawny.storage.index.sqlite_index import SqliteIndex
from tests.app.rig import DOOR
from tests.cli.conftest import Tawny
from tests.detection import kind_models
from tests.sealed.made import OWNER, RECOVERY


@pytest.fixture
def said(archive: Path) -> Event:
    """An event of the camera's recording that somebody called something."""
    with index_to_read(archive) as index:
        bounds = index.bounds(DOOR)
    assert bounds is not None
    event = Event(EventId("said"), DOOR, "motion", bounds.begin_ms, bounds.begin_ms + 1000, 60.0, said="person")
    index = SqliteIndex(archive / "tawny.db", Catalogue(Volume.at(archive)))
    index.put_event(event)
    index.close()
    return event


def cuts(_archive: Any, event: Event, _private: Any) -> list[SampleCrop]:
    crop = np.zeros((2, 64, 64), np.uint8)
    return [SampleCrop(crop, event.start_ms, 1, (0.1, 0.1, 0.3, 0.6), event.said, event.id)]


def test_events_that_were_called_something_are_exported(
    tawny: Tawny, archive: Path, said: Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kinds, "crop_samples", cuts)
    done = tawny("kinds", "export", "--data", str(archive), "-o", "crops")
    assert done.code == 0, done.err
    assert "1 person" in done.out
    with np.load(tmp_path / "crops" / f"{DOOR}.npz") as kept:
        assert kept["labels"].tolist() == ["person"]
    again = tawny("kinds", "export", "--data", str(archive), "-o", "crops")
    assert (again.code, "already exists" in again.err) == (3, True)
    result = tawny("kinds", "export", "--data", str(archive), "-o", "other", "--json")
    assert json.loads(result.out)["labels"] == {"person": 1}


def test_samples_of_cameras_of_other_recorders_have_their_masks(
    tawny: Tawny, archive: Path, said: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = [[0, 0], [1, 0], [1, 1]]
    (archive / "history/borrowed-cameras.json").write_text(json.dumps({DOOR: {"privacy_masks": [mask]}}))
    given: list[Any] = []

    def cut(archive: Any, event: Event, private: Any) -> list[SampleCrop]:
        given.append(private)
        return cuts(archive, event, private)

    monkeypatch.setattr(kinds, "crop_samples", cut)
    tawny("kinds", "export", "--data", str(archive), "-o", "crops")
    assert given == [(Polygon(((0, 0), (1, 0), (1, 1))),)]


def test_what_is_sealed_is_not_exported(
    tawny: Tawny, archive: Path, said: Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kinds, "crop_samples", cuts)
    keys = f'recipients = ["{OWNER.recipient}"]\nrecovery = "{RECOVERY.recipient}"\n'
    camera = f'[cameras.{DOOR}]\nsource = "demo:front"\nencrypt = true\n'
    (tmp_path / "tawny.toml").write_text(f"[encryption]\n{keys}{camera}")
    done = tawny("kinds", "export", "--data", str(archive), "-o", "crops")
    assert done.code == 3
    assert f"{DOOR} is encrypted and is not exported." in done.err
    assert not (tmp_path / "crops").exists()


def test_where_nobody_said_anything_there_is_nothing_to_export(tawny: Tawny, archive: Path, said: Event) -> None:
    index = SqliteIndex(archive / "tawny.db", Catalogue(Volume.at(archive)))
    index.put_event(replace(said, said=""))
    index.close()
    done = tawny("kinds", "export", "--data", str(archive), "-o", "crops")
    assert (done.code, "What was it?" in done.err) == (3, True)


def test_the_card_of_what_suggests_kinds_is_listed(tawny: Tawny, tmp_path: Path) -> None:
    said = tawny("models", "list", "--data", "data")
    assert said.code == 0
    assert "tawny-kinds" in said.out and "intel-iot-devkit/sample-videos" in said.out
    assert json.loads(tawny("models", "list", "--json", "--data", "data").out)["kinds"]["name"] == "tawny-kinds"


@pytest.mark.parametrize("model", ["off", "mine"])
def test_another_or_none_is_listed_and_a_spoilt_one_told(tawny: Tawny, tmp_path: Path, model: str) -> None:
    file = kind_models.bright_is("person", tmp_path / "mine.onnx")
    kinds_setting = "off" if model == "off" else str(file)
    (tmp_path / "tawny.toml").write_text(f'[object_detection]\nkinds = "{kinds_setting}"\n')
    said = tawny("models", "list", "--data", "data")
    assert (said.code, "bright 1 names what moves" in said.out) == (0, model == "mine")
    if model == "mine":
        file.write_bytes(b"no model")
        said = tawny("models", "list", "--data", "data")
        assert (said.code, "is incomplete" in said.out) == (1, True)
