"""Change modes and rules in the settings file. Only differences are written; comments and order stay.

Values use the notation of the file: `{"schedule": {"night": ["22:00-06:30"]}}`, `{"do": ["notify phone"]}`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import ValidationError
from tomlkit.items import AoT, Table

from tawny.config.changes.detection import put
from tawny.config.changes.toml_edit import replace_file
from tawny.config.loader import known_secrets, parse_settings
from tawny.config.modes import ModesSettings, PersonPresenceSettings, PresenceSettings
from tawny.config.rules import RuleCondition, RuleSettings
from tawny.config.settings import Settings
from tawny.config.units import duration_text
from tawny.model.errors import Problem, SettingsError
from tawny.model.validation import allowed_text, path_parts

Words = Mapping[str, Any]


def modes_to_table(modes: ModesSettings) -> dict[str, Any]:
    """Return the table as in the file, without defaults."""
    said = {
        "names": list(modes.names),
        "schedule": {mode: [str(one) for one in stretches] for mode, stretches in modes.schedule.items()},
        "exceptions": _spans(modes.exceptions),
        "location": list(modes.location),
        "presence": _presence_words(modes.presence),
    }
    usual = {"names": list(ModesSettings().names)}
    return {key: value for key, value in said.items() if value and value != usual.get(key)}


def rule_to_table(rule: RuleSettings) -> dict[str, Any]:
    found: dict[str, Any] = {"name": rule.name} if rule.name else {}
    when = _when_words(rule.when)
    if when:
        found["when"] = when
    return found | {"do": [str(one) for one in rule.do]}


def parse_modes(modes: Words, rules: Sequence[Words]) -> tuple[ModesSettings, tuple[RuleSettings, ...]]:
    """Validate values in file notation. Raises SettingsError."""
    try:
        made = Settings.model_validate({"modes": dict(modes), "rules": [dict(rule) for rule in rules]})
    except ValidationError as error:
        raise SettingsError("your input", tuple(_problems(error))) from None
    return made.modes, made.rules


def change_modes(path: Path, modes: Words, rules: Sequence[Words]) -> Settings:
    """Write both and return the resulting settings. Raises SettingsError, FolderUnwritable: nothing was changed."""
    new_modes, new_rules = parse_modes(modes, rules)
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    before, problems = parse_settings(document.as_string(), known_secrets(path.parent))
    if before is None:
        raise SettingsError(str(path), tuple(problems))
    old, new = modes_to_table(before.modes), modes_to_table(new_modes)
    if old != new:
        if "modes" not in document:
            document["modes"] = tomlkit.table()
        table: Any = document["modes"]
        put(table, old, new)
    if before.rules != new_rules:
        _put_rules(document, before.rules, new_rules)
    text = tomlkit.dumps(document)
    after, problems = parse_settings(text, known_secrets(path.parent))
    if after is None:
        raise SettingsError(str(path), tuple(problems))
    replace_file(path, text)
    return after


def _put_rules(document: Any, old: Sequence[RuleSettings], new: Sequence[RuleSettings]) -> None:
    """Replace the rules; unchanged rules keep their notation and comments, even if moved."""
    there: Any = document.get("rules", [])
    tables = [(rule, there[number]) for number, rule in enumerate(old)] if isinstance(there, AoT) else []
    made = tomlkit.aot()
    for rule in new:
        known = next((pair for pair in tables if pair[0] == rule), None)
        if known is not None:
            tables.remove(known)
        made.append(known[1] if known is not None else _rule_table(rule))
    document.pop("rules", None)
    if new:
        document["rules"] = made


def _rule_table(rule: RuleSettings) -> Table:
    table = tomlkit.table()
    for key, value in rule_to_table(rule).items():
        if key == "when":
            when = tomlkit.inline_table()
            when.update(value)
            table[key] = when
        else:
            table[key] = value
    return table


def _presence_words(presence: PresenceSettings) -> dict[str, Any]:
    usual = PresenceSettings()
    found: dict[str, Any] = _somebody_words(presence)
    if presence.people:
        found["people"] = {name: _somebody_words(one) for name, one in presence.people.items()}
    for key in ("every", "away_after"):
        if getattr(presence, key) != getattr(usual, key):
            found[key] = duration_text(getattr(presence, key))
    for key in ("nobody", "back"):
        if getattr(presence, key) != getattr(usual, key):
            found[key] = getattr(presence, key)
    return found


def _somebody_words(one: PersonPresenceSettings) -> dict[str, Any]:
    return {key: list(getattr(one, key)) for key in ("ping", "mac", "mdns") if getattr(one, key)}


def _when_words(when: RuleCondition) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("camera", "kind", "zone", "recognized", "mode", "between", "home", "away"):
        several = [str(one) for one in getattr(when, key)]
        if several:
            found[key] = several[0] if len(several) == 1 else several
    if when.include_possible:
        found["include_possible"] = True
    if when.min_duration:
        found["min_duration"] = duration_text(when.min_duration)
    return found


def _spans(dates: Mapping[str, str]) -> dict[str, str]:
    """Merge consecutive days with the same value into ranges."""
    found: list[tuple[date, date, str]] = []
    for day, meant in sorted((date.fromisoformat(day), meant) for day, meant in dates.items()):
        if found and found[-1][1] + timedelta(days=1) == day and found[-1][2] == meant:
            found[-1] = found[-1][0], day, meant
        else:
            found.append((day, day, meant))
    return {str(begin) if begin == end else f"{begin} to {end}": meant for begin, end, meant in found}


def _problems(error: ValidationError) -> list[Problem]:
    return [
        Problem(".".join(path_parts(one)), "your input", allowed_text(one)) for one in error.errors(include_url=False)
    ]
