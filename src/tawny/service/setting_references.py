"""Validation of what settings name in other settings: rules and integrations may name only what is configured."""

from collections.abc import Callable, Iterable, Iterator

from tawny.config import integrations
from tawny.config.modes import ALL, NONE, RuleAction
from tawny.config.settings import Settings
from tawny.delivery import mqtt_client
from tawny.delivery.mqtt_client import base_topic
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
        for action in rule.do:
            yield from _check_action(f"{path}.do", action, settings)


def _check_action(path: str, action: RuleAction, settings: Settings) -> Iterator[Problem]:
    match action.verb:
        case "notify" if action.name not in (ALL, NONE):
            names = tuple(settings.notifiers)
        case "upload" if action.name not in (ALL, NONE):
            names = tuple(settings.destinations)
        case "record" if action.name:
            names = tuple(settings.cameras)
        case "ptz":
            names = tuple(settings.cameras)
        case "relay":
            names = tuple(settings.relays)
        case "run" | "say" if not settings.scripts.folder:
            yield Problem(path, repr(str(action)), "scripts only where `scripts.folder` is set")
            return
        case _:
            return
    if action.name not in names:
        yield Problem(path, repr(str(action)), f"one of {', '.join(names)}" if names else "none are set")


def check_programs(settings: Settings) -> Iterator[Problem]:
    """Validate integrations against the configured cameras and scripts."""
    cameras, tables = (
        settings.cameras,
        {name: getattr(settings, name) for name in ("webhooks", "api_clients", "relays")},
    )
    for path, camera in integrations.cameras_named({**tables, "mqtt": {"": settings.mqtt}}):
        yield from unknown_cameras(f"{path.rstrip('.')}.cameras", (camera,), settings)
    for name, relay in settings.relays.items():
        if relay.camera in cameras and not cameras[relay.camera].onvif:
            yield Problem(f"relays.{name}.camera", repr(relay.camera), "a camera with `onvif` set")
    for name, webhook in settings.webhooks.items():
        for each in webhook.files:
            if each not in settings.files:
                there = ", ".join(settings.files) or "none is configured"
                yield Problem(f"webhooks.{name}.files", repr(each), f"a set of `files`: {there}")
    scripts = {f"webhooks.{name}.url": one.script for name, one in settings.webhooks.items()}
    scripts |= {f"relays.{name}.script": one.script for name, one in settings.relays.items()}
    for path, script in scripts.items():
        if script and not settings.scripts.folder:
            yield Problem(path, f"the script {script}", "scripts only if `scripts.folder` is set")
    if settings.scripts.folder and not settings.scripts.folder.startswith("/"):
        yield Problem(
            "scripts.folder", repr(settings.scripts.folder), "an absolute path, for example /etc/tawny/scripts"
        )
    if settings.mqtt.url:
        yield from refusals("mqtt.url", lambda: base_topic(settings.mqtt.url))
    if settings.mqtt.url and not mqtt_client.is_client_installed():
        yield Problem("mqtt.url", "a broker", mqtt_client.MISSING)


def unknown_cameras(path: str, cameras: Iterable[str], settings: Settings) -> Iterator[Problem]:
    """Yield the cameras that the settings don't have."""
    for camera in cameras:
        if camera not in settings.cameras:
            yield Problem(path, repr(camera), f"cameras in these settings: {', '.join(settings.cameras)}")


def refusals(path: str, check: Callable[[], object]) -> Iterator[Problem]:
    """Yield the ValueError that a check raises, as the problem of this path."""
    try:
        check()
    except ValueError as error:
        yield Problem(path, "an invalid value", str(error))
