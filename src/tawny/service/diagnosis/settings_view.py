"""The settings in force, for people: without secrets (`tawny config show`), and only those that were changed."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from tawny.config.settings import Settings
from tawny.config.units import duration_text, size_text
from tawny.engine.plugins import PluginFailed, plug_in_code
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.onvif import OnvifService

_HIDDEN = re.compile(r"secret|token|pass|metrics|credential|api_key")
"""Names of settings whose values are secret."""
_NAMING = re.compile(r"cameras\.\S+\.source =|(?:destinations|notifiers|webhooks)\.[^.\s]+\.url =")
"""Of each camera, and of each place where something is sent."""
_PERSONAL = re.compile(r"^(modes\.(?:location|presence\.people\.\S+) = ).*")
"""Where people live, and the addresses of their phones."""
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"]+@", re.IGNORECASE)
"""User and password in an address, wherever it is in a value."""
_WITH_SECRET = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*[@?]", re.DOTALL)
"""An address that may contain a password or a token."""
LEAST_SECRET: Final = 4
"""Shorter ones would be found everywhere."""


def in_force(chosen: Settings, plugins: PluginRegistry) -> dict[str, Any]:
    """Return every setting with its value, defaults included. URLs are shown without user and password."""
    tables: dict[str, Any] = chosen.model_dump()
    _shorten_addresses(tables)
    for name, camera in chosen.cameras.items():
        shown = tables["cameras"][name]
        for key in ("source", "sub"):
            shown[key] = plugins.public(getattr(camera, key)) if getattr(camera, key) else ""
        shown["onvif"] = OnvifService.of(camera.onvif).public if camera.onvif else ""
        source = plugins.source_of(camera.source)
        if source is not None:
            with suppress(PluginFailed), plug_in_code(source.scheme):
                shown[source.scheme] = dict(source.settings(camera.table(source.scheme)))
    for name, one in chosen.destinations.items():
        tables["destinations"][name]["url"] = plugins.public_destination(one.url)
    for tier, table in zip(chosen.storage.tiers, tables["storage"]["tiers"], strict=True):
        table["url"] = plugins.public_destination(tier.url) if tier.url else ""
    for name, notifier in chosen.notifiers.items():
        tables["notifiers"][name]["url"] = plugins.public_notifier(notifier.url)
    for name, emit in chosen.webhooks.items():
        tables["webhooks"][name]["url"] = emit.public
    for table, key in (("mqtt", "url"), ("heartbeat", "url")):
        tables[table][key] = _host(tables[table][key])
    _hide(tables)
    keep = tables["storage"]["retention"]
    keep["min_free"] = f"{keep['min_free'] * 100:g} %"
    _word(keep)
    for shown in tables["cameras"].values():
        _word(shown["retention"] or {})
        shown["pre"], shown["post"] = duration_text(shown["pre"]), duration_text(shown["post"])
    return tables


def settings_lines(tables: dict[str, Any], path: str = "") -> list[str]:
    """Return one line for each setting, such as `cameras.front.name = "Front door"`."""
    lines: list[str] = []
    for key, value in tables.items():
        if isinstance(value, dict):
            lines += settings_lines(value, f"{path}{key}.")
        else:
            lines.append(f"{path}{key} = {json.dumps(value, ensure_ascii=False)}")
    return lines


def shown_text(chosen: Settings, plugins: PluginRegistry, secrets: Iterable[str]) -> str:
    """Return what differs from the defaults, for people who look after this recorder.

    secrets: replaced anywhere. So is where people live, and what shows whether they are at home.
    """
    bare: dict[str, dict[str, Any]] = {
        "cameras": {name: {"source": one.source} for name, one in chosen.cameras.items()},
        "destinations": {name: {"url": one.url} for name, one in chosen.destinations.items()},
        "notifiers": {name: {"url": one.url} for name, one in chosen.notifiers.items()},
        "webhooks": {name: {"url": one.url} for name, one in chosen.webhooks.items()},
    }
    usual = set(settings_lines(in_force(Settings.model_validate(bare), plugins)))
    lines = [
        _PERSONAL.sub(r"\1(set)", line)
        for line in settings_lines(in_force(chosen, plugins))
        if line not in usual or _NAMING.match(line)
    ]
    text = "\n".join(_LOGIN.sub(r"\1(set)@", line) for line in lines)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= LEAST_SECRET:
            text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "(set)")
    return text


def _host(url: str) -> str:
    scheme, _, rest = url.partition("://")
    with suppress(ValueError):
        return f"{scheme}://{urlsplit(f'x://{rest}').hostname or ''}" if url else ""
    return f"{scheme}://(set)"


def _shorten_addresses(value: Any) -> Any:
    """Return a value with only the hosts of the addresses that have a login or a query. Tables are changed in place."""
    if isinstance(value, dict):
        value.update({key: _shorten_addresses(one) for key, one in value.items()})
    elif isinstance(value, list | tuple):
        return type(value)(map(_shorten_addresses, value))
    elif isinstance(value, str) and _WITH_SECRET.match(value):
        return _host(value)
    return value


def _hide(tables: dict[str, Any]) -> None:
    """Replace secret values by "(set)", in place."""
    for key, value in tables.items():
        if isinstance(value, dict):
            if _HIDDEN.search(key):  # such as `dns_secrets`, whatever its keys are
                tables[key] = dict.fromkeys(value, "(set)")
            else:
                _hide(value)
        elif isinstance(value, list | tuple):
            for one in value:
                if isinstance(one, dict):
                    _hide(one)
        elif isinstance(value, str) and value and _HIDDEN.search(key):
            tables[key] = "(set)"


def _word(keep: dict[str, Any]) -> None:
    """Format durations and sizes as in the settings file and drop unset values, in place."""
    for key, value in list(keep.items()):
        if value is None:
            del keep[key]
        elif key in ("sub", "events"):
            keep[key] = dict(value)
            _word(keep[key])
        elif key == "size":
            keep[key] = size_text(value)
        elif isinstance(value, float):
            keep[key] = duration_text(value)
