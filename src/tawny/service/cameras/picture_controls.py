"""Picture controls of local cameras: lists them, and changes them in the settings, from which the camera takes them.

Thread-safe; waits for the camera and for the disk.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from tawny.config.catalog import Plain
from tawny.config.drafts import SettingsDraft
from tawny.config.settings import CameraSettings
from tawny.model.errors import FolderUnwritable, NotDone, Problem, SettingsError, SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Clock
from tawny.service.cameras.guarded_source import as_source_error, settings_of
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.picture_controls import AdjustableSource, PictureControl, Value
from tawny.sources.source import CameraSource, SourceContext


def adjust_camera(
    source: CameraSource | None, opening: Callable[[], SourceContext], before: CameraSettings, after: CameraSettings
) -> bool:
    """Apply settings to an open camera that differ only in its source's table. opening: returns it with those before.

    Return False if they differ otherwise, or if the camera must begin again for them. Raises nothing: no other camera
    may miss its changes.
    """
    if not isinstance(source, AdjustableSource):
        return False
    same: dict[str, object] = {source.scheme: {}}
    if before.model_copy(update=same) != after.model_copy(update=same):
        return False
    try:
        with as_source_error(source.scheme):
            return source.adjust(opening(), source.settings(after.table(source.scheme)))
    except SourceError:
        return False


class PictureControlService:
    """Picture controls of the cameras of this recorder."""

    def __init__(self, settings: ChangeableSettings, plugins: PluginRegistry, clock: Clock) -> None:
        self._settings, self._plugins, self._clock = settings, plugins, clock

    def controls(self, camera: CameraId) -> list[PictureControl]:
        """Return what a camera offers; nothing for network cameras. Raises NotDone and SourceError."""
        found = self._adjustable(camera)
        return found[0].controls(found[1]) if found is not None else []

    def change(self, camera: CameraId, values: Mapping[str, Value]) -> list[PictureControl]:
        """Change controls, all or none of them, and return all. The default removes a setting.

        Raises SettingsError for a value out of range, NotDone, SourceError, FolderUnwritable; nothing is changed then.
        """
        source, opening = self._found(camera)
        offered = {one.name: one for one in source.controls(opening)}
        with self._settings.changing():
            if self._found(camera)[1].address != opening.address:
                raise NotDone("The camera was changed meanwhile.", "Try again.")
            draft = SettingsDraft(self._writable(), "", {})
            for name, value in values.items():
                one = offered.get(name)
                _check(name, one, value)
                if one is not None:
                    key, written = source.setting(one, value)
                    path = f"cameras.{camera}.{source.scheme}.{key}"
                    draft.put_setting(path, None if value == one.default else cast("Plain", written), is_secret=False)
            now, made = self._settings.now(), draft.understood().cameras[camera]
            after = now.cameras[camera].model_copy(update={source.scheme: made.table(source.scheme)})
            new = now.model_copy(update={"cameras": {**now.cameras, camera: after}})
            self._plugins.check(new, "your input")
            self._settings.apply_written(new)
            try:
                draft.write()
            except (FolderUnwritable, NotDone):
                self._settings.apply_written(now)
                raise
        return self.controls(camera)

    def press(self, camera: CameraId, name: str) -> None:
        """Press a button. Raises NotDone and SourceError."""
        source, opening = self._found(camera)
        source.press(opening, name)

    def _found(self, camera: CameraId) -> tuple[AdjustableSource, SourceContext]:
        found = self._adjustable(camera)
        if found is None:
            raise NotDone("This camera has no picture controls here.", "Use the camera's own settings.")
        return found

    def _adjustable(self, camera: CameraId) -> tuple[AdjustableSource, SourceContext] | None:
        chosen = self._settings.now().cameras.get(camera)
        if chosen is None:
            raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
        source = self._plugins.source_of(chosen.source)
        if not isinstance(source, AdjustableSource):
            return None
        options = settings_of(source, chosen)
        return source, SourceContext(camera, StreamName.MAIN, chosen.source, options, self._clock)

    def _writable(self) -> Path:
        if self._settings.file is None:
            raise NotDone(
                "These cameras aren't in a settings file.", "Create one with `tawny init` and restart tawny with it."
            )
        return self._settings.file


def _check(name: str, one: PictureControl | None, value: Value) -> None:
    """Raise NotDone for a control that the camera doesn't have, SettingsError for a value that it can't have."""
    if one is None or one.why_not or one.kind == "button":
        raise NotDone(f"This camera doesn't offer {name}.", one.why_not if one else "Reload the page.")
    if one.kind == "choice":
        is_fit, allowed = value in dict(one.choices), ", ".join(choice for choice, _ in one.choices if choice)
    elif one.kind == "switch":
        is_fit, allowed = isinstance(value, bool), "on or off"
    elif one.kind == "number":
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        is_fit, allowed = is_number and one.least <= cast("float", value) <= one.most, f"{one.least:g} to {one.most:g}"
    else:
        is_fit, allowed = isinstance(value, str), "text"
    if not is_fit:
        raise SettingsError("your input", (Problem(name, repr(value), allowed),))
