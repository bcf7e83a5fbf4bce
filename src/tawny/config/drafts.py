"""Edit destinations, sets of files and notifiers in the settings: only that table changes; comments and order stay.

Secrets are written to `secrets.toml` (mode 600) and referenced as `${NAME}` in `tawny.toml`.
"""

import logging
import math
import os
import re
import tomllib
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import tomlkit
from tomlkit.exceptions import TOMLKitError

from tawny.config.catalog import Plain
from tawny.config.file_writing import give_to_owner, read_file, replace_file, unchanged
from tawny.config.loader import known_secrets, parse_settings, refuse_references, secrets_in
from tawny.config.settings import CameraSettings, Settings, display_name, is_camera_id
from tawny.config.toml_editing import is_inline, new_table, put_values, toml_item, unset_key
from tawny.model.errors import FolderUnwritable, NotDone, Problem, SettingsError
from tawny.model.ids import name_key

Group = Literal["destinations", "files", "notifiers"]
Values = Mapping[str, Any]
SECRET: Final = frozenset({"url", "secret", "password", "token"})
"""Keys whose values are stored in `secrets.toml` and never returned to clients; folder paths are not secret."""
ADDRESSES: Final = ("source", "sub", "onvif", "event_api.url")
_LEFT_OF_REMOVED: Final = ("privacy_masks", "rotate", "mirror", "retention", "recipients")
"""What stays of a camera's settings when it is removed, for its recordings."""
_PLAIN: Final = ("folder:", "file:", "rclone:", "webpush:")
log = logging.getLogger(__name__)


class SettingsDraft:
    """Draft of a settings file. path: None for settings without a file.

    Nothing is written before `write`. Raises SettingsError: when the file or the draft is invalid.
    """

    def __init__(self, path: Path | None, text: str, secrets: Mapping[str, str], *, may_refer: bool = False) -> None:
        """Read the file. text, secrets: the content to edit if there is no file.

        may_refer: values may contain a `${NAME}` that wasn't there before: the person has this computer's shell.
        """
        self._path, self._may_refer = path, may_refer
        self._known = known_secrets(path.parent) if path is not None else dict(secrets)
        self._secrets: dict[str, str] = {}
        self._gone: set[str] = set()
        try:
            self._was = read_file(path) if path is not None else text
            self._document: Any = tomlkit.parse(self._was)
            self._lines = secrets_in(path.with_name("secrets.toml")) if path is not None else dict(secrets)
            """Of `secrets.toml`: what others know isn't written there."""
        except (OSError, ValueError, TOMLKitError) as error:
            raise SettingsError(str(path), (Problem("file", str(error), "valid TOML"),)) from None
        self._trusted = [self.text]
        """Texts of the file whose `${NAME}`s may stay, or come back."""

    @property
    def text(self) -> str:
        return str(tomlkit.dumps(self._document))

    @property
    def secrets(self) -> dict[str, str]:
        """All values of `${NAME}`, including the draft's."""
        return {name: value for name, value in self._known.items() if name not in self._gone} | self._secrets

    def values(self, group: Group, name: str) -> dict[str, Any] | None:
        """Return the table without secrets; None if it does not exist."""
        table = self._document.get(group, {}).get(name)
        if table is None:
            return None
        written = dict(table.unwrap())
        return {key: value for key, value in written.items() if key not in SECRET and "${" not in str(value)}

    def put(self, group: Group, name: str, values: Values) -> None:
        """Set values as in the file. None removes a key; keys not given stay unchanged."""
        tables = self._document.setdefault(group, tomlkit.table(is_super_table=True))
        if name not in tables:
            tables[name] = new_table(self._document, group)
        table = tables[name]
        for key, value in values.items():
            if value is None:
                unset_key(table, key)
            elif key in SECRET and not str(value).startswith(_PLAIN) and "${" not in str(value):
                secret = f"{key}_{name}".upper().replace("-", "_")
                self._secrets[secret] = str(value)
                table[key] = f"${{{secret}}}"
            elif table.get(key) != value:
                table[key] = value

    def remove(self, group: Group, name: str) -> None:
        """Remove the table and its secrets. Raises NotDone: when it does not exist."""
        tables = self._document.get(group, {})
        if name not in tables:
            raise NotDone(f"{name} isn't in the settings.", "It may have been removed. Reload the page.")
        del tables[name]
        self._gone |= {f"{key}_{name}".upper().replace("-", "_") for key in SECRET}

    def put_modes(self, old: Values, new: Values) -> None:
        """Change the table `modes` from `old` to `new`, both in the notation of the file."""
        put_values(self._document["modes"], old, new)

    def add_camera(
        self, camera: str, values: Values, secrets: Mapping[str, str], left: Values = MappingProxyType({})
    ) -> None:
        """Add a camera. secrets: values of the `${NAME}`s in its addresses. Raises NotDone: when its ID is taken.

        left: of a removed camera of this ID, if the file says nothing of it. One with the ID of a removed camera gets
        what that left: the recordings of both are one camera's from then on.
        """
        self.refuse_taken(camera)
        values = {**self._left_of_removed(camera, values, left), **values}
        self.forget_removed(camera)
        cameras = self._document.setdefault("cameras", tomlkit.table(is_super_table=True))
        table = new_table(self._document, "cameras")
        for key, value in values.items():
            table[key] = toml_item(value, deep=True)
        cameras[camera] = table
        self._number_name(camera)
        self._secrets.update(secrets)

    def _left_of_removed(self, camera: str, values: Values, otherwise: Values) -> Values:
        removed = self._document.unwrap().get("removed_cameras", {}).get(camera, otherwise)
        left = {key: removed[key] for key in _LEFT_OF_REMOVED if key in removed}
        if "privacy_masks" not in left:  # only with them the image must stay as it was
            left = {key: value for key, value in left.items() if key in ("retention", "recipients")}
        if left.get("recipients") == []:
            del left["recipients"]
        turned = [key for key in ("rotate", "mirror") if values.get(key, left.get(key)) != left.get(key)]
        if "delete_after" in removed:  # they may be gone: the entry stays for an hour, or while a clip shows them
            raise NotDone(
                f"The removed camera {camera} has this ID, and its recordings were to be deleted.",
                "Choose another ID, or try again an hour after they are gone.",
            )
        if "privacy_masks" in left and turned:
            raise NotDone(f"Recordings of a removed camera {camera} may still be there.", "Choose another ID.")
        return left

    def refuse_taken(self, camera: str) -> None:
        """Raise NotDone if the file has a camera of this ID."""
        if camera in self._document.get("cameras", {}):
            raise NotDone(f"The settings already have a camera {camera}.", "Choose another ID, or change that camera.")

    def remove_camera(self, camera: str, left: Values | None = None) -> None:
        """Remove a camera, and its secrets if nothing else names them. left: of `removed_cameras`; None: nothing."""
        table = self._table(camera)
        del self._document["cameras"][camera]
        if left is not None:
            gone = new_table(self._document, "removed_cameras")
            for key, value in left.items():
                gone[key] = value
            for key in _LEFT_OF_REMOVED:
                if key in table:
                    gone[key] = table[key]
            if "encryption" in self._document:
                gone.setdefault("recipients", [])  # not set, they wouldn't be known
            self._document.setdefault("removed_cameras", tomlkit.table(is_super_table=True))[camera] = gone
        text, own = self.text, secret_name(camera)
        self._gone |= {name for name in self._lines if name == own and f"${{{name}}}" not in text}

    def take_camera(self, camera: str) -> tuple[Any, dict[str, str]]:
        """Return a camera's table, and its secrets in `secrets.toml`, as they are, for `put_camera`."""
        table = self._table(camera)
        if is_inline(self._document, "cameras", camera):
            table = toml_item(table.unwrap(), deep=False)
        text = str(tomlkit.dumps({"camera": table}))
        return table, {name: value for name, value in self._lines.items() if f"${{{name}}}" in text}

    def put_text(self, text: str, secrets: Mapping[str, str]) -> None:
        """Replace the whole file by an earlier text of it. secrets: as those of `take_camera`."""
        self._document = tomlkit.parse(text)
        self._trusted.append(text)
        self._put_back(secrets)

    def put_camera(self, camera: str, table: Any, secrets: Mapping[str, str]) -> None:
        """Put a camera back that was removed. Raises NotDone: when its ID is taken."""
        self.refuse_taken(camera)
        self.forget_removed(camera)
        cameras = self._document.setdefault("cameras", tomlkit.table(is_super_table=True))
        cameras[camera] = toml_item(table.unwrap(), deep=True) if is_inline(self._document, "cameras") else table
        self._number_name(camera)
        self._trusted.append(str(tomlkit.dumps({"cameras": {camera: table}})))
        self._put_back(secrets)

    def _put_back(self, secrets: Mapping[str, str]) -> None:
        """Put lines of `secrets.toml` back that are gone; one that was changed meanwhile stays."""
        there = self._lines.keys() - self._gone
        self._secrets.update({name: value for name, value in secrets.items() if name not in there})

    def forget_removed(self, camera: str) -> None:
        """Remove what is left of a removed camera; nothing if there is none."""
        removed = self._document.get("removed_cameras", {})
        removed.pop(camera, None)
        if not removed:
            self._document.pop("removed_cameras", None)

    def put_name(self, camera: str, name: str) -> None:
        """Set the name that people see; an empty one removes it, so that the ID is shown.

        Raises NotDone: when it is new and another camera has it.
        """
        table, before = self._table(camera), self._shown_names()
        if name:
            table["name"] = name
        else:
            unset_key(table, "name", "")
        self._refuse_taken_name(camera, before)

    def _refuse_taken_name(self, camera: str, before: Mapping[str, str]) -> None:
        shown = self._shown_names()
        for other in shown:
            if name_key(shown[other]) == name_key(shown[camera]) != name_key(before[camera]) and other != camera:
                raise NotDone(f"The camera {other} is already called “{shown[other]}”.", "Choose another name.")

    def free_name(self, name: str, camera: str) -> str:
        """Return this name for a new camera, with a number if another one has it: `Gate 2`. Empty stays empty.

        At most 80 characters long, as names on the page are.
        """
        taken = {name_key(shown) for other, shown in self._shown_names().items() if other != camera}
        numbered = (f"{name[:75].rstrip()} {number}" for number in range(2, 10_000))
        return next(one for one in (name, *numbered) if name_key(one) not in taken)

    def _number_name(self, camera: str) -> None:
        name = self._shown_names()[camera]
        if (free := self.free_name(name, camera)) != name:
            self._table(camera)["name"] = free

    def _shown_names(self) -> dict[str, str]:
        """Return the names that people see, by ID, of a file that may be invalid elsewhere."""
        cameras = self._document.unwrap().get("cameras", {})
        names = {camera: str(one.get("name", "")) for camera, one in cameras.items() if isinstance(one, dict)}
        made = {camera: CameraSettings.model_construct(source="", name=one) for camera, one in names.items()}
        return {camera: display_name(camera, one) for camera, one in made.items()}

    def put_lens(self, camera: str, values: Mapping[str, str | float]) -> None:
        """Set how a camera's image is straightened; nothing removes it."""
        table = self._table(camera)
        if values:
            table["lens"] = _in_one_line(values)
        else:
            unset_key(table, "lens")

    def put_track(self, camera: str, values: Mapping[str, Any]) -> None:
        """Set what a camera follows; nothing removes it."""
        table = self._table(camera)
        if "ptz" not in table and values:
            is_inside = is_inline(self._document, "cameras", camera)
            table["ptz"] = tomlkit.inline_table() if is_inside else tomlkit.table(is_super_table=True)
        ptz = self._table(camera).get("ptz")
        if ptz is not None:
            ptz.pop("track", None)
        if values:
            ptz["track"] = _in_one_line(values)

    def addresses(self, camera: str) -> dict[str, str]:
        """Return the addresses as written, with `${NAME}` for secrets.

        Raises NotDone: when the camera is not in the file.
        """
        table = self._table(camera)
        holders = {key: _holder(table, key) for key in ADDRESSES}
        return {key: str(held[name]) for key, (held, name) in holders.items() if name in held}

    def put_addresses(self, camera: str, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Set addresses; an empty value removes the key. secrets: values of the `${NAME}`s used in them.

        That of `event_api` is set where the camera has this table, which is removed with it.
        """
        table = self._table(camera)
        for key, value in values.items():
            held, name = _holder(table, key)
            if not value and held is not table:
                unset_key(table, key.partition(".")[0])
            elif not value:
                unset_key(held, name)
            elif held.get(name) != value:
                held[name] = value
        self._secrets.update(secrets)

    def put_setting(self, path: str, value: Plain, *, is_secret: bool) -> None:
        """Set one key, such as `storage.buffer`; None removes it, so that the default holds.

        is_secret: the value goes to `secrets.toml`, and `${NAME}` to the settings. Raises SettingsError: a number that
        is none. Raises NotDone: when the file is written in a way that tawny can't change.
        """
        if isinstance(value, float) and not math.isfinite(value):
            raise SettingsError(str(self._path), (Problem(path, str(value), "a number"),))
        *tables, key = path.split(".")
        before = self._shown_names()
        target: Any = self._document
        for depth, name in enumerate(tables):
            if name not in target:
                if value is None:
                    return
                is_empty = depth + 1 < len(tables) and not is_inline(self._document, *tables[:depth])
                target[name] = (
                    tomlkit.table(is_super_table=True) if is_empty else new_table(self._document, *tables[:depth])
                )
            target = target[name]
        secret = path.upper().replace("-", "_").replace(".", "_")
        while secret in os.environ:  # which wins when tawny starts again
            secret += "_SET"
        if value is None:
            unset_key(target, key)
            self._gone |= {secret} & self._known.keys() if is_secret else set()
        elif is_secret:
            self._secrets[secret], target[key] = str(value), f"${{{secret}}}"
        elif target.get(key) != value:
            target[key] = value
        found: Any = tomllib.loads(self.text)
        for name in (*tables, key):
            found = found.get(name) if isinstance(found, dict) else None
        wanted = f"${{{secret}}}" if is_secret and value is not None else value
        if found != wanted:  # such as a table in one line, followed by its own tables
            raise NotDone(f"tawny can't change {path} here.", "Change it in the settings file.")
        if tables[:-1] == ["cameras"] and key == "name" and tables[1] in before:
            self._refuse_taken_name(tables[1], before)

    def put_secret(self, name: str, value: str | None) -> None:
        """Set a line of `secrets.toml` that no setting names; None removes it."""
        if value is None:
            self._gone.add(name)
        else:
            self._secrets[name] = value

    def put_secure_address(self, values: Values, secrets: Mapping[str, str], public_url: str | None = None) -> None:
        """Set values of `[web.secure]`; empty ones are removed. public_url: None leaves it; empty removes it."""
        web = self._document.setdefault("web", tomlkit.table())
        if public_url:
            web["public_url"] = public_url
        elif public_url is not None:
            unset_key(web, "public_url")
        if "secure" not in web:
            web["secure"] = new_table(self._document, "web")
        table = web["secure"]
        for key, value in values.items():
            if value in ("", {}):
                unset_key(table, key)
            elif table.get(key) != value:
                table[key] = value
        self._secrets.update(secrets)

    def _table(self, camera: str) -> Any:
        table = self._document.get("cameras", {}).get(camera)
        if table is None:
            raise NotDone(f"The settings file has no camera {camera}.", "It may have been removed. Reload the page.")
        return table

    def understood(self) -> Settings:
        if not self._may_refer:
            refuse_references(self._path, self._trusted, self.text, self._secrets)
        made, problems = parse_settings(self.text, self.secrets)
        if made is None:
            raise SettingsError(str(self._path or "the settings"), tuple(problems))
        return made

    def write(self) -> None:
        """Write new secrets, the settings file, then `secrets.toml` without those that are gone.

        In this order, no crash leaves settings that name a missing secret.

        Raises NotDone: when the file was changed since it was read; FolderUnwritable. No setting is changed then.
        """
        if self._path is None:
            return
        with unchanged(self._path, self._was):
            path, gone = self._path.with_name("secrets.toml"), self._gone - self._secrets.keys()
            if self.text == self._was:
                _write_secrets(path, self._secrets, gone)
                return
            had = _text_of(path)
            _write_secrets(path, self._secrets, ())
            with _put_back_on_error(path, had):
                replace_file(self._path, self.text)
            self._was = self.text
            try:
                _write_secrets(path, {}, gone)
            except (FolderUnwritable, OSError, ValueError) as error:  # the settings are changed
                left = ", ".join(sorted(gone & self._lines.keys()))
                log.warning("secrets.toml still holds %s, which no setting names any more: %s", left, error)


def _text_of(path: Path) -> str:
    """Return the text of `secrets.toml`; empty if there is none."""
    return read_file(path) if path.exists() else ""


def _write_secrets(path: Path, put: Mapping[str, str], gone: Iterable[str]) -> None:
    text = _text_of(path)
    document = tomlkit.parse(text)
    for name in gone:
        document.pop(name, None)
    for name, value in put.items():
        document[name] = value
    new = tomlkit.dumps(document)
    if new == text:
        return
    if not path.exists():
        _create(path)
    replace_file(path, new)


@contextmanager
def _put_back_on_error(path: Path, had: str) -> Iterator[None]:
    """Give `secrets.toml` its former text if the settings file can't be written."""
    try:
        yield
    except FolderUnwritable:
        try:
            if _text_of(path) != had:
                replace_file(path, had)
        except FolderUnwritable as error:
            log.warning("secrets.toml holds lines of a change that failed: %s", error)
        raise


def camera_id_for(name: str, taken: Container[str], kind: str = "camera") -> str:
    """Return an ID for a camera with this name: `front-door` for `Front door`, `front-door-2` if that is taken.

    kind: what has the ID, for names of which nothing can stand in one.
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:36].strip("-") or kind
    if not is_camera_id(base):
        base = f"{kind}-{base}"[:36].strip("-")
    return next(
        one
        for one in (base if number == 1 else f"{base}-{number}" for number in range(1, 10_000))
        if one not in taken and is_camera_id(one)
    )


def secret_name(camera: str) -> str:
    """Return the name in `secrets.toml` of a camera's password."""
    return f"CAMERA_{camera}".upper().replace("-", "_")


def _create(path: Path) -> None:
    """Create an empty file with mode 600."""
    try:
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            give_to_owner(made, path.parent)
        finally:
            os.close(made)
    except OSError as error:
        raise FolderUnwritable(str(path.parent), error.strerror or "") from None


def _in_one_line(values: Mapping[str, Any]) -> Any:
    made = tomlkit.inline_table()
    made.update(values)
    return made


def _holder(table: Any, key: str) -> tuple[Any, str]:
    """Return the table that has, or would have, a key such as `event_api.url`, and its last part."""
    *tables, name = key.split(".")
    for one in tables:
        table = table.get(one, {})
    return table, name
