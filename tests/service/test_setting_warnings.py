"""Names in the settings of things that don't exist: the settings are valid, and people are warned."""

from typing import Any

import pytest

from tawny.config.settings import Settings
from tawny.service.setting_warnings import setting_warnings, warnings_of_names

PLACE = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]
CAMERAS: dict[str, Any] = {
    "yard": {"source": "demo:front", "detection": {"zones": {"path": {"points": PLACE}}}},
    "gate": {"source": "demo:front", "detection": {"lines": {"fence": {"points": PLACE[:2]}}}},
    "hall": {"source": "demo:front"},
}


def settings(when: dict[str, Any], name: str = "path watch", **more: Any) -> Settings:
    rules = [{"name": name, "when": when, "do": ["notify everyone"]}]
    return Settings.model_validate({"cameras": CAMERAS, "rules": rules, **more})


@pytest.mark.parametrize(
    ("when", "allowed"),
    [
        ({"zone": "pth"}, "path, fence"),
        ({"zone": ["path", "pth"], "camera": "yard"}, "path"),
        ({"zone": "pth", "camera": "hall"}, "none: there are no zones"),
        ({"zone": ["path", "fence"]}, ""),
        ({"zone": "fence", "camera": ["hall", "gate"]}, ""),
    ],
)
def test_a_zone_that_no_camera_of_a_rule_has_is_named(when: dict[str, Any], allowed: str) -> None:
    """Such a rule never matches, and a channel that it names notifies about nothing else."""
    found = [f"{one}" for one in setting_warnings(settings(when))]
    assert found == ([f"rules.0.when.zone: found 'pth'; allowed: {allowed}"] if allowed else [])


@pytest.mark.parametrize(("name", "shown"), [("path watch", "path watch"), ("", "person in pth")])
def test_people_see_the_warning_with_the_rule_by_its_name(name: str, shown: str) -> None:
    found = [one.message for one in warnings_of_names(settings({"kind": "person", "zone": "pth"}, name))]
    assert found == [f"The rule “{shown}” names the zone pth, which none of its cameras has."]


@pytest.mark.parametrize(("when", "count"), [({}, 1), ({"camera": ["yard", "barn"]}, 0), ({"camera": "yard"}, 1)])
def test_people_see_no_warning_of_a_zone_that_a_removed_camera_may_have(when: dict[str, Any], count: int) -> None:
    """It can be restored, or added again; `tawny config check` names the zone all the same."""
    made = settings({"zone": "pth", **when}, removed_cameras={"barn": {}})
    assert (len(list(warnings_of_names(made))), len(list(setting_warnings(made)))) == (count, 1)


def test_a_neighbor_and_a_mode_that_do_not_exist_are_named() -> None:
    porch = {"source": "demo:front", "neighbors": ["yrd", "barn", "yard"], "ptz": {"track": {"modes": ["awy", "away"]}}}
    made = Settings.model_validate({"cameras": {**CAMERAS, "porch": porch}, "removed_cameras": {"barn": {}}})
    assert [(one.path, one.found) for one in setting_warnings(made)] == [
        ("cameras.porch.neighbors", "'yrd'"),
        ("cameras.porch.ptz.track.modes", "'awy'"),
    ]


def with_sources(*sources: str) -> Settings:
    return Settings.model_validate({"cameras": {f"door-{at}": {"source": one} for at, one in enumerate(sources)}})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rtsp://192.0.2.1/main", "rtsp://192.0.2.1/main"),
        ("rtsp://anna:secret@cam.local/main?a=1", "RTSP://ben:other@CAM.local:554/main?a=1"),
        ("http://[2001:db8::1]/video", "http://anna:secret@[2001:db8::1]:80/video"),
    ],
)
def test_a_network_camera_that_is_there_twice_is_named(first: str, second: str) -> None:
    """Each of them takes disk and notifies."""
    made = with_sources(first, "demo:front", second)
    assert [f"{one}" for one in setting_warnings(made)] == [
        "cameras.door-2.source: found the address of the camera 'door-0'; allowed: one that no other camera has"
    ]
    assert [one.message for one in warnings_of_names(made)] == [
        "Door 0 and Door 2 have the same address, so one camera is recorded twice."
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rtsp://192.0.2.1/main", "rtsp://192.0.2.1/sub"),
        ("rtsp://192.0.2.1/main", "rtsp://192.0.2.1:8554/main"),
        ("rtsp://192.0.2.1/Main", "rtsp://192.0.2.1/main"),
        ("rtsps://192.0.2.1:7441/Ab12Cd34Ef56Gh78", "rtsps://192.0.2.1:7441/Ab12Cd34Ef56Gh79"),
        ("demo:front", "demo:front"),
        ("file:///videos/gate.mp4", "file:///videos/gate.mp4"),
        ("phone:a1b2c3", "phone:a1b2c3"),
        ("rtmp-listen://0.0.0.0:1935/live/Ab12Cd34Ef56Gh78", "rtmp-listen://0.0.0.0:1935/live/Ab12Cd34Ef56Gh78"),
        ("rtsp://", "rtsp://"),
    ],
)
def test_other_cameras_of_one_device_and_sources_without_one_are_not_named(first: str, second: str) -> None:
    made = with_sources(first, second)
    assert [*setting_warnings(made), *warnings_of_names(made)] == []


@pytest.mark.parametrize("off", ["door-0", "door-1"])
def test_a_camera_that_is_only_watched_is_not_recorded_twice(off: str) -> None:
    table = {"source": "rtsp://192.0.2.1/main"}
    made = Settings.model_validate({"cameras": {"door-0": table, "door-1": table, off: {**table, "record": "off"}}})
    assert [*setting_warnings(made), *warnings_of_names(made)] == []


@pytest.mark.parametrize("name", ["Gate", " gate "])
def test_a_name_that_another_camera_has_is_named(name: str) -> None:
    """The first one's name is made from its ID."""
    made = Settings.model_validate({"cameras": {**CAMERAS, "drive": {"source": "demo:front", "name": name}}})
    assert [f"{one}" for one in setting_warnings(made)] == [
        f"cameras.drive.name: found {name!r}, which is also the name of the camera 'gate'; "
        "allowed: a name that no other camera has"
    ]


def test_disks_that_memory_mode_does_not_use_are_named() -> None:
    disks = {"mirror": "/mnt/second", "spare": "/mnt/third", "tiers": [{"path": "/mnt/big", "after": "7 days"}]}
    storage = {**disks, "snapshots": {"interval": "1 h"}}
    in_memory = Settings.model_validate({"storage": {**storage, "mode": "memory"}})
    assert [one.path for one in setting_warnings(in_memory)] == [
        f"storage.{key}" for key in ("spare", "mirror", "tiers", "snapshots")
    ]
    assert list(setting_warnings(Settings.model_validate({"storage": storage}))) == []
