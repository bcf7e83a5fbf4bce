"""Commands take the name that people see in place of a camera's ID."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress

from tawny.cli.paths import data_folder, load_settings
from tawny.config.settings import display_name, is_camera_id
from tawny.model.errors import NotDone, SettingsError
from tawny.model.ids import name_key

_ALL = "all"
"""Means every camera to `tawny snooze`."""


def put_ids(args: Namespace) -> None:
    """Replace names in `args.camera` by IDs; the command itself refuses what is neither.

    Raises NotDone: when several cameras have a name.
    """
    with suppress(SettingsError):  # the command says so, if it needs the settings
        chosen, _ = load_settings(args)
        names = {camera: one.name for camera, one in chosen.removed_cameras.items() if one.name}
        names |= {camera: display_name(camera, one) for camera, one in chosen.cameras.items()}

        def id_of(text: str) -> str:
            if text in names or text == _ALL:
                return text
            if is_camera_id(text) and (data_folder(args, chosen) / text).is_dir():
                return text  # the settings lack it, but it has recordings
            return _named(text, names)

        if isinstance(args.camera, list):
            args.camera = [id_of(text) for text in args.camera]
        else:
            whole = id_of(args.camera)
            args.camera = whole if whole != args.camera else ",".join(map(id_of, args.camera.split(",")))


def _named(text: str, names: Mapping[str, str]) -> str:
    found = [camera for camera, name in names.items() if name_key(name) == name_key(text)]
    if len(found) > 1:
        what = f"{len(found)} cameras are called {text!r}: {', '.join(found)}."
        raise NotDone(what, "Use the ID of one of them.")
    return found[0] if found else text
