"""A camera that gets the ID of a removed one takes over nothing of it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tawny.api.auth.accounts import Role
from tawny.api.past.clip_jobs import ClipExportJob, ClipJobState
from tawny.api.past.clip_store import FOLDER, ClipStore
from tawny.model.ids import CameraId
from tawny.playback.exports import ExportKind
from tawny.service.detection.event_marks import FILE as MUTINGS
from tawny.service.detection.event_marks import Muting
from tawny.service.integrations.steering import PtzCalibration
from tawny.service.retention import recording_deletion
from tests.app.rig import settings
from tests.e2e.live_server import LiveServer, live_server

GARAGE = CameraId("garage")
REMOVED = settings('[removed_cameras.garage]\nname = "Garage"\n')


def state_of(server: LiveServer) -> dict[str, bool]:
    """What is known of the camera."""
    web = server.web
    anna = next(one for one in web.accounts.people() if one.name == "Anna")
    return {
        "hold": web.running.arming.modes.hold(GARAGE) is not None,
        "snooze": bool(web.outward.snoozes.all()),
        "mute": bool(web.outward.notifications.mutes.of("phone")),
        "calibration": web.programs.tracker.state(GARAGE).calibration != PtzCalibration(),
        "plan": GARAGE in web.accounts.plan()[2],
        "layout": GARAGE in web.accounts.wall(anna),
        "right": GARAGE in (next(one for one in web.accounts.people() if one.name == "Cleo").cameras or ()),
        "muting": bool(web.running.parts.storage.mutings.all(GARAGE)),
    }


def set_up(server: LiveServer) -> None:
    web = server.web
    web.accounts.put_person("Cleo", Role.VIEWER, cameras=[GARAGE])
    web.running.arming.modes.pause(GARAGE, None, "Anna")
    web.outward.snoozes.put(GARAGE, None, "", "Anna", everyone=True)
    web.outward.notifications.mutes.put("phone", GARAGE, 3_600_000)
    web.programs.tracker.keep(GARAGE, PtzCalibration(at_ms=5))
    web.accounts.put_plan(b"image", '[{"camera": "garage"}]')
    web.accounts.put_wall(web.accounts.put_person("Anna", Role.OWNER), '{"order": ["garage"]}')


@pytest.mark.parametrize("has_clip", [False, True])
def test_what_was_set_for_a_removed_camera_is_forgotten_with_it_but_not_while_a_clip_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_clip: bool
) -> None:
    made = ClipExportJob(
        "0123456789abcdef", ExportKind.MP4, (CameraId("yard"), GARAGE), 0, 9000, None, "Theft", "anna", 9000,
        ClipJobState.DONE,
    )  # fmt: skip
    muting = Muting("ab12", GARAGE, "motion", "", "any", (), 0, (), "Anna", 0, 1 << 45)
    row = {**asdict(muting), "cells": "0"}
    (tmp_path / MUTINGS).write_text(json.dumps({"format": 1, "mutings": [row]}))
    if has_clip:
        (tmp_path / FOLDER).mkdir()
        ClipStore(tmp_path / FOLDER, 1 << 30).note(made.id, asdict(made))
    with live_server(REMOVED, tmp_path) as server:
        set_up(server)
        assert all(state_of(server).values())
        monkeypatch.setattr(recording_deletion, "EMPTY_S", 0.0)
        server.web.running.deleting.step()
        assert set(state_of(server).values()) == {has_clip}
