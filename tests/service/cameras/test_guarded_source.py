"""Sources of plug-ins may raise anything: a camera then says which plug-in failed, and with what."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tawny.model.errors import NothingToReport, SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.service.cameras.added_values import has_sound
from tawny.service.cameras.camera_trial import try_camera, try_streams
from tawny.service.cameras.connection_report import openings
from tawny.service.cameras.guarded_source import open_camera, speaker_of
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.file import FileSource
from tawny.sources.source import CameraConnection, SourceContext, Speaker
from tawny.testing.clock import FakeClock
from tests.app.rig import one_camera

OPENING = SourceContext(CameraId("porch"), StreamName.MAIN, "replay:1", {}, FakeClock())


def raising(error: BaseException) -> Callable[[], Any]:
    def run() -> Any:
        raise error

    return run


class Opened:
    notes: Mapping[str, Any] = {}

    def __init__(self, read: Callable[[], Any]) -> None:
        self.read = read

    def close(self) -> None:
        raise OSError


class Replay(FileSource):
    scheme = "replay"

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._opened = opened

    def open(self, opening: SourceContext) -> CameraConnection:
        connection: CameraConnection = self._opened()
        return connection


@pytest.mark.parametrize(
    ("opened", "error"),
    [
        (raising(RuntimeError("password=hunter2")), "RuntimeError"),
        (raising(SystemExit(4)), "SystemExit"),
        (lambda: None, "TypeError"),
        (lambda: Opened(raising(ValueError("hunter2"))), "ValueError"),
        (lambda: Opened(lambda: b"bytes"), "TypeError"),
    ],
    ids=["open", "exit", "no connection", "read", "no packet"],
)
def test_what_a_plug_in_raises_is_told_without_its_text(opened: Callable[[], Any], error: str) -> None:
    with pytest.raises(SourceError) as failed:
        open_camera(Replay(opened), lambda: OPENING).read()
    assert failed.value.message == f"Camera error at replay: the plug-in replay failed: {error}."


def test_a_source_error_is_passed_on_as_it_is() -> None:
    error = SourceError("replay", "no such recording")
    with pytest.raises(SourceError) as failed:
        open_camera(Replay(raising(error)), lambda: OPENING)
    assert failed.value is error


def test_a_trial_says_it_too() -> None:
    with pytest.raises(SourceError, match="the plug-in replay failed: RuntimeError"):
        try_camera(Replay(raising(RuntimeError("hunter2"))), OPENING)


class Speaking(Replay):
    def speaker(self, opening: SourceContext) -> Speaker:
        raise RuntimeError


def test_a_plug_in_that_fails_has_no_speaker() -> None:
    assert speaker_of(Speaking(lambda: None), lambda: OPENING) is None


class Unready(Replay):
    def claims(self, address: str) -> bool:
        return True

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        raise RuntimeError

    def report(self, opening: SourceContext) -> Mapping[str, Any]:
        return {}

    def without_secrets(self, opening: SourceContext, text: str, *, with_host: bool) -> str:
        return text


class Picky(Unready):
    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ValueError("x: no longer allowed")


def test_settings_that_a_source_refuses_are_named() -> None:
    """A start tolerates them."""
    plugins = PluginRegistry({"replay": Picky(lambda: None)}, {})
    chosen = one_camera("replay:1").cameras["door"]
    with pytest.raises(SourceError, match="at replay: its settings are invalid: x: no longer allowed"):
        try_streams(plugins, chosen, 1.0, FakeClock())
    with pytest.raises(NothingToReport):
        openings(CameraId("door"), chosen, plugins, FakeClock())


def test_a_plug_in_without_settings_offers_no_sound() -> None:
    assert not has_sound(Unready(lambda: None))


def test_a_plug_in_without_settings_has_no_report() -> None:
    plugins = PluginRegistry({"replay": Unready(lambda: None)}, {})
    chosen = one_camera("replay:1").cameras["door"]
    with pytest.raises(NothingToReport):
        openings(CameraId("door"), chosen, plugins, FakeClock())
