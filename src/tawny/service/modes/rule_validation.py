"""Validation of rules: they may name only configured cameras, notifiers, destinations, modes, people and locations."""

from collections.abc import Iterator

from tawny.config.rules import ALL, NONE, RuleAction
from tawny.config.settings import Settings
from tawny.events.rule_engine import ANYBODY, EVERYBODY
from tawny.model.errors import Problem


def check_rules(settings: Settings) -> Iterator[Problem]:
    """Yield problems with their paths, such as `rules.0.when.camera`."""
    known = {
        "camera": tuple(settings.cameras),
        "mode": settings.modes.names,
        "home": (*settings.modes.presence.everybody, ANYBODY),
        "away": (*settings.modes.presence.everybody, EVERYBODY),
    }
    for number, rule in enumerate(settings.rules):
        path = f"rules.{number}"
        for key, names in known.items():
            for name in getattr(rule.when, key):
                if name not in names:
                    yield Problem(f"{path}.when.{key}", repr(name), ", ".join(names) or "none are set")
        if not settings.modes.location and any(one.needs_sun for one in rule.when.between):
            yield Problem(f"{path}.when.between", "sunrise or sunset", "location = [latitude, longitude] under [modes]")
        for deed in rule.do:
            yield from _check_deed(f"{path}.do", deed, settings)


def _check_deed(path: str, deed: RuleAction, settings: Settings) -> Iterator[Problem]:
    match deed.verb:
        case "notify" if deed.name not in (ALL, NONE):
            names = tuple(settings.notifiers)
        case "upload" if deed.name not in (ALL, NONE):
            names = tuple(settings.destinations)
        case "record" if deed.name:
            names = tuple(settings.cameras)
        case "ptz":
            names = tuple(settings.cameras)
        case "relay":
            names = tuple(settings.relays)
        case "run" | "say" if not settings.scripts.folder:
            yield Problem(path, repr(str(deed)), "scripts only where `scripts.folder` is set")
            return
        case _:
            return
    if deed.name not in names:
        yield Problem(path, repr(str(deed)), f"one of {', '.join(names)}" if names else "none are set")
