"""Keys that recordings were encrypted for: known from the first file on, also of those replaced soon after."""

from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.engine import Bus
from tawny.sealed.key_wrapping import Identity
from tawny.service.sealing.policy import SealingPolicy
from tawny.service.sealing.sealing_service import was_used_for
from tests.app.rig import DOOR, settings
from tests.storage.test_clock_set_back import Box

FIRST, SECOND, SHEET, OTHER = (Identity.new().recipient for _ in range(4))


def encrypted_for(key: str) -> Settings:
    return settings(
        f'[encryption]\nrecipients = ["{key}"]\nrecovery = "{SHEET}"\n'
        '[cameras.door]\nsource = "demo:front"\nencrypt = true\n'
    )


def store_pictures(box: Box, *keys: str) -> None:
    """Encrypt a file for each, one after the other, without any statement."""
    now = [encrypted_for(keys[0])]
    seals = SealingPolicy(box.volume, box.clock, Bus(), lambda: now[-1]).seals
    assert seals is not None
    for key in keys:
        now.append(encrypted_for(key))
        assert seals.picture(box.volume, DOOR, box.clock.now_ms(), b"a picture", f"{key}.tws")


def test_a_key_that_no_statement_names_is_known(tmp_path: Path) -> None:
    box = Box(tmp_path)
    store_pictures(box, FIRST, SECOND)
    known = {key: was_used_for(box.volume.root, key) for key in (FIRST, SECOND, SHEET, OTHER)}
    assert known == {FIRST: True, SECOND: True, SHEET: True, OTHER: False}


def test_a_note_that_cannot_be_written_stops_no_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    box = Box(tmp_path)
    (box.volume.root / "keys").write_text("in the way")
    store_pictures(box, FIRST)
    assert "can't be noted" in caplog.text


def test_a_note_that_failed_is_written_with_the_next_file(tmp_path: Path) -> None:
    box = Box(tmp_path)
    in_the_way = box.volume.root / "keys"
    in_the_way.write_text("in the way")
    seals = SealingPolicy(box.volume, box.clock, Bus(), lambda: encrypted_for(FIRST)).seals
    assert seals is not None
    seals.picture(box.volume, DOOR, box.clock.now_ms(), b"a picture", "one.tws")
    in_the_way.unlink()
    seals.picture(box.volume, DOOR, box.clock.now_ms(), b"a picture", "two.tws")
    assert was_used_for(box.volume.root, FIRST)
