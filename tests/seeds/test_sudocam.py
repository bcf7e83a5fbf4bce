"""SudoCam's agent file, imported and run."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from tawny.config.importers.result import ImportSource
from tawny.config.importers.sudocam import from_sudocam
from tests.seeds.examples import SUDOCAM
from tests.seeds.imported import awaited, files, imported, pi_camera, red

ALWAYS = {"days_of_week": list(range(7)), "start_time": "00:00", "end_time": "00:00"}


def test_sc13_its_schedule_records(tmp_path: Path) -> None:
    theirs = json.loads(SUDOCAM)
    theirs["userConfig"]["schedules"] = [ALWAYS]
    made = imported(tmp_path, json.dumps(theirs), path=pi_camera(tmp_path / "bin", red()))
    with made.running() as log:
        awaited(lambda: files(made.folder / "recordings" / "tawny"), log)


def test_sc6_every_key_of_the_agents_file_is_accounted_for(tmp_path: Path) -> None:
    made = imported(tmp_path, SUDOCAM)
    accounted = made.told["became"].keys() | made.told["left"].keys()
    assert accounted >= (json.loads(SUDOCAM).keys() - {"userConfig"}) | json.loads(SUDOCAM)["userConfig"].keys() - {
        "motion_config"
    }
    assert "pLanted" not in made.config.read_text() + json.dumps(made.told)
    assert tomllib.loads(made.config.read_text())["modes"]["schedule"] == {
        "recording": ["sun sat 08:00-18:00", "mon tue wed thu fri 22:00-06:30"]
    }


def test_sc12_motion_becomes_recording_around_events(tmp_path: Path) -> None:
    text = SUDOCAM.replace("CONTINUOUS_SCHEDULED", "MOTION")
    camera = tomllib.loads(imported(tmp_path, text).config.read_text())["cameras"]["nursery"]
    assert (camera["record"], camera["pre"], camera["post"], camera["detection"]) == (
        "events",
        "5 s",
        "10 s",
        {"threshold": 40},
    )


def test_sc6_keys_in_camel_case_mean_the_same(tmp_path: Path) -> None:
    def made(text: str) -> Any:
        return from_sudocam(ImportSource(text, tmp_path, tmp_path)).settings

    camel = re.sub(r'(?<=[a-z])_([a-z])(?=\w*":)', lambda one: one[1].upper(), SUDOCAM).replace(
        "recordDir", "record_dir"
    )
    assert '"startTime": "08:00"' in camel
    assert made(camel) == made(SUDOCAM)


def test_sc12_without_a_recording_type_it_is_said_that_nothing_is_recorded(tmp_path: Path) -> None:
    text = '{"cameraName": "a", "recording_type": "RECORDING_TYPE_MOTION", "sensitivity": 60}'
    found = from_sudocam(ImportSource(text, tmp_path, tmp_path))
    assert found.settings["cameras"]["a"]["record"] == "off"
    assert [words for words in found.became.values() if "nothing will be recorded" in words]
    assert {"recording_type", "sensitivity"} <= found.left.keys() - found.became.keys()
