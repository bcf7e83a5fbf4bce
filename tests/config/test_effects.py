"""What a change of settings restarts: every key of the file is classified, and changes as its class says."""

from collections.abc import Mapping
from typing import Any

import pytest

from tawny.config.effects import (
    AT_ONCE,
    AT_START,
    READ_WHEN_NEEDED,
    RECONNECTS,
    STAYS_CONNECTED,
    SettingsDifference,
    difference,
)
from tawny.config.loader import parse_settings
from tawny.config.settings import CameraSettings, Settings
from tawny.service.cameras.standby_cameras import CROSSING

NEITHER = SettingsDifference((), (), (), (), ())
FRONT = {"source": "rtsp://192.168.1.20/main"}
CAMERA_CHANGES: Mapping[str, Any] = {
    "source": "rtsp://192.168.1.21/main", "sub": "rtsp://192.168.1.20/sub", "microphone": "alsa:plughw:1",
    "warm_up": 3.0, "sleeps": True, "encrypt": True, "recipients": ("age1x",), "burn_in_masks": True,
    "name": "Front", "group": "outside", "rotate": 90, "mirror": True, "lens": {"k1": 0.1}, "record": "events",
    "pre": 9.0, "post": 9.0, "onvif": "http://192.168.1.20/onvif", "camera_events": "off", "event_api": "any",
    "events_port": 8200, "fill_gaps": True, "ptz": "any", "privacy_masks": (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),),
    "detection": "any", "retention": "any", "neighbors": ("gate",), "serial": "A1", "mac": "00:11:22:aa:bb:cc",
}  # fmt: skip
"""Another value of each setting of a camera; only compared."""


def test_every_table_takes_effect_at_once_or_at_the_next_start() -> None:
    tables = {path for path in AT_ONCE if "." not in path}
    assert tables | AT_START == set(Settings.model_fields)
    assert not tables & AT_START
    known = {
        f"{table}.{key}" for table in AT_START for key in getattr(type(getattr(Settings(), table)), "model_fields", ())
    }
    assert AT_ONCE - tables <= known


def test_every_setting_of_a_camera_is_in_one_class() -> None:
    classes = (RECONNECTS, STAYS_CONNECTED, READ_WHEN_NEEDED)
    assert sorted(CameraSettings.model_fields) == sorted(name for one in classes for name in one)
    assert CAMERA_CHANGES.keys() == CameraSettings.model_fields.keys()


@pytest.mark.parametrize("name", CAMERA_CHANGES)
def test_a_change_of_a_camera_does_what_its_class_says(name: str) -> None:
    camera = CameraSettings.model_validate(FRONT)
    before = Settings().model_copy(update={"cameras": {"front": camera}})
    other = camera.model_copy(update={name: CAMERA_CHANGES[name]})
    change = difference(before, before.model_copy(update={"cameras": {"front": other}}))
    expected = {
        name in RECONNECTS: SettingsDifference((), (), ("front",), (), ()),
        name in STAYS_CONNECTED: SettingsDifference((), (), (), ("front",), ()),
        name in READ_WHEN_NEEDED: SettingsDifference((), (), (), (), (f"cameras.front.{name}",)),
    }
    assert change == expected[True]
    assert change.at_start == ()


def test_a_change_of_the_sources_own_table_connects_again() -> None:
    before, _ = parse_settings('[cameras.front]\nsource = "rtsp://192.168.1.20/main"', {})
    after, _ = parse_settings(
        '[cameras.front]\nsource = "rtsp://192.168.1.20/main"\nname = "Front"\nrtsp.transport = "udp"', {}
    )
    assert before is not None
    assert after is not None
    assert difference(before, after) == SettingsDifference((), (), ("front",), (), ())


def test_added_and_removed_cameras_are_named() -> None:
    camera = CameraSettings.model_validate(FRONT)
    front, gate = (Settings().model_copy(update={"cameras": {name: camera}}) for name in ("front", "gate"))
    assert difference(front, gate) == SettingsDifference(("gate",), ("front",), (), (), ())
    assert not difference(front, front)


@pytest.mark.parametrize(
    ("text", "other", "at_start"),
    [
        ('[web]\nname = "Cottage"', ("web.name",), ()),
        ('[web]\nname = "Cottage"\nlisten = "127.0.0.1:9"', ("web.listen", "web.name"), ("web.listen",)),
        ('[hub]\ndatabase = "postgresql:///tawny"', ("hub.database",), ("hub.database",)),
        ("[live]\nport = 9000", ("live",), ("live",)),
        ('[log]\nlevel = "debug"', ("log",), ("log",)),
        ('[storage]\nretention.min = "2 days"', ("storage.retention",), ()),
        ('[modes]\nnames = ["on", "off"]', ("modes",), ()),
        ("", (), ()),
    ],
)
def test_changed_tables_are_named_and_those_that_need_a_start(
    text: str, other: tuple[str, ...], at_start: tuple[str, ...]
) -> None:
    after, problems = parse_settings(text, {})
    assert after is not None, problems
    change = difference(Settings(), after)
    assert (set(change.other), change.at_start) == (set(other), at_start)


def test_a_standby_records_with_all_settings_for_which_a_camera_connects_again() -> None:
    """But those of the recorder's own devices: its microphone, and a camera that it wakes."""
    assert {"microphone", "sleeps"} == RECONNECTS - CROSSING
