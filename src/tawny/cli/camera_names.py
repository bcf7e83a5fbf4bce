"""Commands take the name that people see in place of a camera's ID."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tawny.cli.paths import SETTINGS, data_folder, load_settings, masked
from tawny.config.loader import read_settings
from tawny.config.settings import Settings, display_name, is_camera_id
from tawny.model.errors import NotDone, SettingsError, StorageError
from tawny.model.ids import name_key


def put_ids(args: Namespace, argument: str = "camera") -> None:
    """Replace names in an argument by IDs; the command itself refuses what is neither. An ID always stays one.

    argument: what it is called in args; a name, several with commas between them, or a list. Raises NotDone: when
    several cameras are meant.
    """
    given: str | list[str] = getattr(args, argument)
    if all(map(is_camera_id, given if isinstance(given, list) else [given])):
        return  # most are: the settings aren't read once more
    with suppress(SettingsError):  # the command says so, if it needs the settings
        chosen = _settings_of_the_recordings(args)
        if chosen is None:
            return
        with suppress(NotDone, StorageError):
            chosen = masked(chosen, data_folder(args, chosen))  # with cameras that an edit of the settings removed
        present = {camera: display_name(camera, one) for camera, one in chosen.cameras.items()}
        removed = {camera: one.name for camera, one in chosen.removed_cameras.items() if one.name}

        def id_of(text: str) -> str:
            return text if is_camera_id(text) else _named(text, present) or _named(text, removed) or text

        if isinstance(given, list):
            setattr(args, argument, [id_of(text) for text in given])
        else:
            whole = id_of(given)
            setattr(args, argument, whole if whole != given else ",".join(map(id_of, given.split(","))))


def _settings_of_the_recordings(args: Namespace) -> Settings | None:
    """Return those of `--data`; None if only another recorder's are here, whose names mean other cameras."""
    chosen, path = load_settings(args)
    if args.config or not getattr(args, "data", None):
        return chosen
    data = Path(args.data).resolve()
    if path is not None and data in (path.resolve().parent, Path(chosen.storage.path).expanduser().resolve()):
        return chosen
    own = data / SETTINGS
    return read_settings(own) if own.is_file() else None


def _named(text: str, names: Mapping[str, str]) -> str:
    key = name_key(text)
    found = [camera for camera, name in names.items() if key in (name_key(name), camera)]
    if len(found) > 1:
        what = f"{text!r} can be {len(found)} cameras: {', '.join(found)}."
        raise NotDone(what, "Use the ID of one of them.")
    return found[0] if found else ""
