"""Parse `tawny.toml` and fill in secrets. Reports all problems at once, each with path and line."""

import os
import re
import stat
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tawny.config.file_writing import read_file
from tawny.config.renamed import find_renamed
from tawny.config.settings import CameraSettings, DetectionSettings, Settings, is_camera_id
from tawny.model.errors import Problem, SettingsError
from tawny.model.validation import CONFLICT, UNUSABLE, allowed_text, path_parts, value_text

_ADDRESSES = frozenset({"source", "sub", "onvif", "url", "address", "metrics", "public_url"})
"""Addresses that may contain a password."""
SECRET_KEYS = _ADDRESSES | {"secret", "client_secret", "token", "password", "dns_secrets"}
"""Settings that hold, or may hold, secrets."""
_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LOGIN = re.compile(r"[A-Za-z][\w+.:-]*://[^/?#]*@")
"""Beginning of an address, up to the host after a user or password."""
_ENDS_LOGIN = re.compile(r"[/?#\[\]]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_settings(path: Path, env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in a file. Raises SettingsError: with every problem; also when the file cannot be read."""
    try:
        text = read_file(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise SettingsError(str(path), (Problem("file", why, "a readable file (`tawny init` creates one)"),)) from None
    except UnicodeDecodeError:
        raise SettingsError(str(path), (Problem("file", "bytes that are not UTF-8", "UTF-8 text"),)) from None
    settings, problems = parse_settings(text, known_secrets(path.parent, env))
    if settings is None:
        raise SettingsError(str(path), tuple(problems))
    return settings


def parse_settings(text: str, secrets: Mapping[str, str]) -> tuple[Settings | None, list[Problem]]:
    """Return the settings and no problems, or None and all problems."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        return None, [Problem("file", str(error), "valid TOML (see https://toml.io)", int(line[1]) if line else None)]
    problems = list(find_renamed(tables))
    renamed = {problem.path for problem in problems}
    problems += [slip for slip in _slips(tables) if slip.path not in renamed]
    filled = _fill(tables, secrets, (), problems)
    try:
        settings: Settings | None = Settings.model_validate(filled)
    except ValidationError as error:
        others = (_problem(each) for each in error.errors(include_url=False))
        problems += [one for one in others if not _has_former_name(one.path, renamed)]
        settings = None
    if problems:
        return None, [problem._replace(line=_line_of(problem.path.split("."), text)) for problem in problems]
    return settings, []


def _has_former_name(path: str, renamed: set[str]) -> bool:
    """Return whether a former name is the cause: the path is that setting, or an entry of its list."""
    return path in renamed or path.rpartition(".")[0] in renamed


def tables_with_secrets(path: Path, coming_to: Path | None = None) -> dict[str, Any]:
    """Return the tables of a settings file as it would take effect, valid or not; empty if it can't be read.

    coming_to: see `stored_secrets`.
    """
    try:
        tables = tomllib.loads(read_file(path))
        filled = _fill(tables, known_secrets(path.parent, None, coming_to), (), [])
    except (OSError, ValueError, SettingsError):
        return {}
    return dict(filled)


def known_secrets(folder: Path, env: Mapping[str, str] | None = None, coming_to: Path | None = None) -> dict[str, str]:
    """Return the values for `${NAME}`: of the environment, and those of `stored_secrets` for other names.

    Raises SettingsError, as that does.
    """
    env = os.environ if env is None else env
    return stored_secrets(folder, env, coming_to) | dict(env)


def stored_secrets(folder: Path, env: Mapping[str, str] | None = None, coming_to: Path | None = None) -> dict[str, str]:
    """Return the values for `${NAME}` in files: of credentials first, then those in `secrets.toml` in `folder`.

    Credentials are the files that systemd passes on, or else those in `credentials` in `folder`. coming_to: the folder
    where a restore puts what is in `folder`: that one has the credentials, and the file gets its mode there.

    Raises SettingsError: when `secrets.toml` is readable by others, can't be read, or is invalid.
    """
    env = os.environ if env is None else env
    file = folder / "secrets.toml"
    try:
        known = secrets_in(file, is_in_place=coming_to is None)
        for file in _credentials(coming_to or folder, env.get("CREDENTIALS_DIRECTORY", "")):
            # systemd puts the ID of `tawny service` before the names of a whole folder
            for name in (file.name, file.name.removeprefix("tawny_")):
                known[name] = file.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            found, allowed = error.strerror or str(error), "a file that the user running tawny can read"
        elif isinstance(error, UnicodeDecodeError):
            found, allowed = "bytes that are not UTF-8", "UTF-8 text"
        else:
            found, allowed = str(error), 'lines such as NAME = "secret"'
        raise SettingsError(str(file), (Problem(file.name, found, allowed),)) from None
    return known


def _credentials(folder: Path, passed: str) -> list[Path]:
    """Return the files with credentials; those in `folder` may be for the service only. Raises OSError."""
    if passed:
        return _files_in(Path(passed)) if Path(passed).is_dir() else []
    try:
        return [path for path in _files_in(folder / "credentials") if os.access(path, os.R_OK)]
    except OSError:
        return []


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def secrets_in(file: Path, *, is_in_place: bool = True) -> dict[str, str]:
    """Return the lines of a `secrets.toml`; none if there is none. Raises SettingsError, OSError, ValueError."""
    if not file.exists():
        return {}
    if is_in_place and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
        problem = Problem("secrets.toml", f"mode {mode:o}", "mode 600 (run `chmod 600 secrets.toml`)")
        raise SettingsError(str(file), (problem,))
    tables = tomllib.loads(read_file(file))
    return {key: value for key, value in tables.items() if isinstance(value, str)}


def _slips(tables: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield problems that the types do not detect: invalid camera IDs, and unknown plain keys of a camera."""
    cameras = tables.get("cameras", {})
    for key, camera in cameras.items() if isinstance(cameras, dict) else ():
        if not is_camera_id(key):
            yield Problem(
                f"cameras.{key}",
                f"the name {key!r}",
                "names such as front-door (a-z, 0-9 and hyphens, at most 40 characters)",
            )
        yield from _unknown_keys(f"cameras.{key}", camera, CameraSettings)
        if isinstance(camera, dict):
            yield from _unknown_keys(f"cameras.{key}.detection", camera.get("detection"), DetectionSettings)


def _unknown_keys(path: str, table: object, model: type[BaseModel]) -> Iterator[Problem]:
    """Yield a problem for each plain key that is no setting of the table; tables of plug-ins are checked by them."""
    for setting, value in table.items() if isinstance(table, dict) else ():
        if setting not in model.model_fields and not isinstance(value, dict):
            known = ", ".join(sorted(model.model_fields))
            yield Problem(f"{path}.{setting}", "an unknown setting", f"one of {known}")


def unknown_table(camera: str, table: str, sources: Iterable[str], detectors: Collection[str]) -> Problem:
    """Return the problem of a camera's table that is neither its own nor one of a source."""
    places = {name: f"cameras.{camera}.{name}" for name in CameraSettings.model_fields}
    places |= {name: f"cameras.{camera}.detection.{name}" for name in (*DetectionSettings.model_fields, *detectors)}
    allowed = places.get(table) or places.get(f"{table}s")  # `zone` is a slip for `zones`
    if allowed is None:
        fields = CameraSettings.model_fields.items()
        own = sorted(name for name, field in fields if _model_in(field.annotation) is not None)
        allowed = ", ".join([*own, *sorted(sources)])
    return Problem(f"cameras.{camera}.{table}", "an unknown table", allowed)


def _fill(value: Any, secrets: Mapping[str, str], path: tuple[str, ...], problems: list[Problem]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(each, secrets, (*path, key), problems) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, secrets, (*path, str(n)), problems) for n, each in enumerate(value)]
    if not isinstance(value, str):
        return value
    problems += [
        Problem(
            ".".join(path),
            f"${{{name}}}, which is not set",
            "an environment variable, a systemd credential or a line in secrets.toml",
        )
        for name in _SECRET.findall(value)
        if name not in secrets
    ]
    login = _LOGIN.match(value)
    end = login.end() if login else 0

    def secret(found: re.Match[str]) -> str:
        text = secrets.get(found[1], found[0])
        return _for_login(text) if found.start() < end else text

    return _SECRET.sub(secret, value)


def _for_login(secret: str) -> str:
    """Return a secret as it can be in an address before the `@`; what is percent-encoded already stays."""
    return quote(_STRAY_PERCENT.sub("%25", secret), safe="%:") if _ENDS_LOGIN.search(secret) else secret


def refuse_references(path: Path | None, before: Collection[str], after: str, own: Collection[str] = ()) -> None:
    """Raise SettingsError if a change adds a `${NAME}`: what people enter must not be filled with a secret.

    before: texts of the file whose references are allowed. own: names whose values come with the change.
    """
    added = sorted(at for at, name in references(after).difference(*map(references, before)) if name not in own)
    if added:
        allowed = "text without ${…}, which only the settings file may contain"
        problems = tuple(Problem(at, "a reference to a secret", allowed) for at in dict.fromkeys(added))
        raise SettingsError(str(path or "the settings"), problems)


def references(text: str) -> set[tuple[str, str]]:
    """Return path and name of each `${NAME}` in a settings file; entries of a list share one path.

    The addresses of a camera share one path too, as they use the same password.
    """
    return set(_references(tomllib.loads(text), ()))


def _references(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _references(each, (*path, "source" if key in ("sub", "onvif") else key))
    elif isinstance(value, list):
        for each in value:
            yield from _references(each, path)
    elif isinstance(value, str):
        yield from ((".".join(path), name) for name in _SECRET.findall(value))


def _problem(error: ErrorDetails) -> Problem:
    path = path_parts(error)
    if error["type"] == "extra_forbidden":
        found, allowed = "an unknown setting", f"one of {_siblings(path)}"
    elif error["type"] == "missing":
        found, allowed = "nothing", "a value (this setting is required)"
    elif error["type"] == CONFLICT:
        found, allowed = "", allowed_text(error)
    elif error["type"] == UNUSABLE:
        found, allowed = str(error["input"]), allowed_text(error)
    else:
        found, allowed = _shown(error["input"], path), allowed_text(error)
    return Problem(".".join(path) or "file", found, allowed)


def _shown(value: object, path: list[str]) -> str:
    """Return the value for an error message; never a secret."""
    if not path:
        return "settings that conflict"
    if path[0] == "encryption" or "recipients" in path:
        return "a value of another type"  # may be a private key entered by mistake
    if SECRET_KEYS & set(path) and "retention" not in path:
        return "an invalid address" if path[-1] in _ADDRESSES else "an invalid value"
    return value_text(value)


def _siblings(path: list[str]) -> str:
    model: Any = Settings
    for part in path[:-1]:
        field = model.model_fields.get(part)
        if field is None:
            extra = vars(model).get("__annotations__", {}).get("__pydantic_extra__")
            model = _model_in(extra) if extra is not None else model  # the name of a mode, or the ID of a camera
            continue
        model = _model_in(field.annotation)
    return ", ".join(sorted(model.model_fields))


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((each for each in get_args(annotation) if hasattr(each, "model_fields")), None)


def _line_of(path: list[str], text: str) -> int | None:
    """Return the line of the setting's key, or else of its table; None if neither is in the text."""
    best: tuple[int, int] | None = None
    table: list[str] = []
    entries: dict[tuple[str, ...], int] = {}  # of `[[rules]]`: number of the last one
    for number, line in enumerate(text.splitlines(), 1):
        head = re.fullmatch(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?", line)
        key = re.match(r"\s*([A-Za-z0-9_\-.\"']+)\s*=", line)
        if head:
            name = [part.strip(" \"'") for part in head[1].split(".")]
            if line.lstrip().startswith("[["):
                entries[tuple(name)] = entries.get(tuple(name), -1) + 1
            table = []
            for depth, part in enumerate(name, 1):
                entry = entries.get(tuple(name[:depth]))
                table += [part] if entry is None else [part, str(entry)]
        here = table if head else table + [p.strip(" \"'") for p in key[1].split(".")] if key else []
        here = here[: len(path)]  # `watch.level = 40` is also the line of `watch`
        depth = len(here)
        if depth and path[:depth] == here and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
