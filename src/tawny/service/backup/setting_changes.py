"""How the settings of a backup differ from those here, and which of them run programs."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.config.catalog import names_file
from tawny.config.file_writing import read_file
from tawny.config.loader import SECRET_KEYS, tables_with_secrets
from tawny.model.validation import value_text
from tawny.sealed.key_wrapping import short_name

_HIDDEN: Final = "(not shown)"
_OF_PROGRAMS: Final = frozenset(
    {
        ("scripts", "folder"), ("relays", "script"), ("destinations", "config"), ("destinations", "allow_any_folder"),
        ("updates", "command"), ("log", "file"),
    }
)  # fmt: skip
"""Tables and keys that name a program, a folder of programs, a file that names some (that of rclone), or a file to
which the log is added, which could be a program; and what lets uploads go to folders of programs."""
_RUNS: Final = re.compile(r"\s*(run|say)\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SettingChange:
    """before, after: as text; None: not set. Secrets are not shown."""

    path: str
    before: str | None
    after: str | None


def setting_changes(old: Path, new: Path) -> list[SettingChange]:
    """Return how the settings of two files differ, without secrets; a missing file has none."""
    before, after = flat(tables_in(old)), flat(tables_in(new))
    return [
        SettingChange(path, _shown(path, before.get(path)), _shown(path, after.get(path)))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def tables_in(path: Path) -> Mapping[str, Any]:
    """Return what a settings file holds; nothing if it is missing or invalid."""
    try:
        return tomllib.loads(read_file(path))
    except (OSError, ValueError):
        return {}


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the values of tables by dotted path."""
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        parts = {str(number): one for number, one in enumerate(value)}.items()
    else:
        return {path: value}
    found: dict[str, Any] = {}
    for key, each in parts:
        found |= flat(each, f"{path}.{key}" if path else str(key))
    return found


def new_programs(here: Path, there: Path) -> list[str]:
    """Return which settings of the second file run programs, or use such files, that those of the first don't.

    there: the file that comes to the place of `here`.
    """
    known = {one for _, one in _programs(flat(tables_with_secrets(here)))}
    found = _programs(flat(tables_with_secrets(there, here.parent)))
    return list(dict.fromkeys(path for path, one in found if one not in known))


def _programs(values: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the settings that run programs of the computer, or name files that may be: path, and kind with value."""
    for path, value in values.items():
        table, key = path.partition(".")[0], path.rpartition(".")[2]
        for text in map(str, value) if isinstance(value, list) else (str(value),):
            if text.lower().endswith(".py"):
                yield path, ("python", text)
            elif table == "rules" and _RUNS.match(text):
                yield path, ("rule", text)
            elif table == "webhooks" and key == "url" and text.startswith("run:"):
                yield path, ("webhook", text)
            elif names_file(path, text):
                yield path, ("model", text)
        if value and (table, key) in _OF_PROGRAMS:
            yield path, (table, str(value))
        elif table == "cameras" and (str(value).startswith("exec:") or path.endswith(".exec.command")):
            yield path, ("exec", str(value))


def _shown(path: str, value: Any) -> str | None:
    if value is None:
        return None
    parts = set(path.split("."))
    if parts & {"encryption", "recipients"}:
        return ", ".join(key_names(value))
    if parts & SECRET_KEYS or "://" in str(value):
        return _HIDDEN
    return str(value) if isinstance(value, list) and path.endswith(".command") else value_text(value)


def key_names(value: Any) -> list[str]:
    """Return the short names of public keys; also of a private one that is there by mistake."""
    return [short_name(str(one)) for one in (value if isinstance(value, list) else [value])]


def expanded(path: str) -> Path:
    """Return a path of the settings in a backup; that of a user who doesn't exist here stays as it is."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)
