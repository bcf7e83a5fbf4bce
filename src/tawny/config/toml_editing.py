"""Edit a TOML document that people wrote: keys that stay equal keep their notation, and no comment is lost."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import tomlkit
from tomlkit.container import Container
from tomlkit.items import Comment, InlineTable, Table, Trivia

_NONE: Final[Mapping[str, Any]] = {}


def unset_key(table: MutableMapping[str, Any], key: str, default: object = None) -> None:
    """Remove a key, so that its default holds.

    A line with a comment stays, because the comment is the user's: with the default, or else as a comment alone.
    """
    item = table.get(key)
    trivia = getattr(item, "trivia", None)
    if trivia is None or not trivia.comment or isinstance(item, Table):
        table.pop(key, None)
        return
    if default is not None and not isinstance(default, Mapping):
        table[key] = default
        return
    holding = [part for part in _parts(table) if key in part]
    if len(holding) != 1:
        table.pop(key, None)
        return
    body = _body(holding[0])
    position = next(number for number, (name, _) in enumerate(body) if name is not None and name == key)
    del holding[0][key]
    body[position] = (None, Comment(Trivia(trivia.indent, "", trivia.comment, trivia.trail)))


def _parts(table: Any) -> list[Any]:
    """Return the tables of the file that a table consists of: several, where other tables stand between them."""
    return getattr(table, "_tables", None) or [table]  # tomlkit has no public name for them


def _body(table: Any) -> Any:
    """Return the lines of a table; none of what is no table."""
    container = table if isinstance(table, Container) else getattr(table, "value", None)
    return container.body if isinstance(container, Container) else ()


def put_values(
    table: MutableMapping[str, Any],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    deep: bool = False,
    defaults: Mapping[str, Any] = _NONE,
) -> None:
    """Change the table from `old` to `new`, touching only keys that differ.

    deep: new tables are inline. defaults: of keys that `new` doesn't have.
    """
    for key in old.keys() - new.keys():
        unset_key(table, key, defaults.get(key))
    for key, value in new.items():
        if old.get(key) == value and key in table:
            continue
        if isinstance(value, Mapping) and isinstance(table.get(key), MutableMapping):
            before, usual = old.get(key), defaults.get(key)
            put_values(
                table[key],
                before if isinstance(before, Mapping) else _NONE,
                value,
                deep=True,
                defaults=usual if isinstance(usual, Mapping) else _NONE,
            )
        else:
            table[key] = toml_item(value, deep=deep)


def is_inline(table: Any, *path: str) -> bool:
    """Return whether tables below the path can only be inline, as a part of it is `key.a = …` or `key = {…}`."""
    for key in path:
        if key not in table:
            return False
        lines = (name for part in _parts(table) for name, _ in _body(part) if name is not None and name.key == key)
        if isinstance(table[key], InlineTable) or any(name.is_dotted() for name in lines):
            return True
        table = table[key]
    return False


def new_table(document: Any, *path: str) -> Any:
    """Return an empty table for below the path: multi-line where the file allows it."""
    return tomlkit.inline_table() if is_inline(document, *path) else tomlkit.table()


def toml_item(value: Any, *, deep: bool) -> Any:
    """Return the value as a TOML item: the outer table multi-line, nested tables inline."""
    if not isinstance(value, Mapping):
        return tomlkit.item(value)
    made: Any = tomlkit.inline_table() if deep else tomlkit.table()
    for key, each in value.items():
        made[key] = toml_item(each, deep=True)
    return made
