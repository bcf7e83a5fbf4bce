"""Settings that are valid and probably not meant: names of things that don't exist, two cameras of one name or address,
and disks in memory mode. Pure.

They stay valid: names were before the thing was renamed or removed, and `tawny run --memory` is for any settings.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from tawny.config.settings import Settings, display_name
from tawny.model.errors import Problem
from tawny.model.ids import name_key
from tawny.service.modes.mode_table import lost_channels
from tawny.service.recorder import RecorderWarning
from tawny.sources.network_address import claims_network, parse_network


def setting_warnings(settings: Settings) -> Iterator[Problem]:
    """Yield what has no effect or can be mistaken, with its path, such as `rules.0.when.zone`."""
    storage = settings.storage
    if storage.mode == "memory":
        unused = {"spare": storage.spare, "mirror": storage.mirror, "tiers": storage.tiers}
        for key in (key for key, value in {**unused, "snapshots": storage.snapshots.interval}.items() if value):
            yield Problem(f"storage.{key}", "a value without effect", 'only with `storage.mode = "disk"`')
    yield from _in_modes(settings)
    for number, _, zone in _lost_zones(settings):
        there = ", ".join(_zones(settings, number)) or "none: there are no zones"
        yield Problem(f"rules.{number}.when.zone", repr(zone), there)
    for name, first in _same_addresses(settings):
        yield Problem(f"cameras.{name}.source", f"the address of the camera {first!r}", "one that no other camera has")
    shown: dict[str, str] = {}
    for name, camera in settings.cameras.items():
        first = shown.setdefault(name_key(display_name(name, camera)), name)
        if first != name:
            found = f"{display_name(name, camera)!r}, which is also the name of the camera {first!r}"
            yield Problem(f"cameras.{name}.name", found, "a name that no other camera has")
        for other in camera.neighbors or ():
            if other not in settings.cameras and other not in settings.removed_cameras:
                yield Problem(f"cameras.{name}.neighbors", repr(other), ", ".join(settings.cameras))
        for mode in camera.ptz.track.modes:
            if mode not in settings.modes.names:
                yield Problem(f"cameras.{name}.ptz.track.modes", repr(mode), ", ".join(settings.modes.names))


def warnings_of_names(settings: Settings) -> Iterator[RecorderWarning]:
    """Yield a warning for each name without which notifications fail to appear, and for two names of one camera."""
    yield from lost_channels(settings)
    for both in _same_addresses(settings):
        second, first = (display_name(name, settings.cameras[name]) for name in both)
        message = f"{first} and {second} have the same address, so one camera is recorded twice."
        yield RecorderWarning(message, "Remove one of them, or correct its address.")
    for number, rule, zone in _lost_zones(settings):
        named = settings.rules[number].when.camera
        if any(camera in named for camera in settings.removed_cameras):
            continue  # it may be a zone of this camera, which can be restored or added again
        message = f"The rule “{rule}” names the zone {zone}, which none of its cameras has."
        yield RecorderWarning(message, "Correct the rule under Modes and schedule.")


def _same_addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each network camera whose stream an earlier one records, whatever the login, and that one."""
    known: dict[tuple[str, str], str] = {}
    for name, camera in settings.cameras.items():
        if not claims_network(camera.source) or camera.record == "off":  # for watching only
            continue
        with suppress(ValueError):
            address = parse_network(camera.source)
            first = known.setdefault((address.host.lower(), replace(address, host="").url), name)
            if first != name:
                yield name, first


def _in_modes(settings: Settings) -> Iterator[Problem]:
    """Yield cameras and channels that tables of modes name. Those of removed cameras may stay."""
    cameras, channels = {**settings.cameras, **settings.removed_cameras}, settings.notifiers
    for mode, table in settings.modes.tables.items():
        places = {place: getattr(table, place) for place in ("doors", "outside", "inside", "others")}
        own = {f"cameras.{name}": one for name, one in table.cameras.items()}
        for name in table.cameras:
            if name not in cameras:
                yield Problem(f"modes.{mode}.cameras.{name}", f"the camera {name!r}", ", ".join(settings.cameras))
        for place, one in {**places, **own}.items():
            for channel in one.channels or ():
                if channel not in channels:
                    there = ", ".join(channels) or "none is configured"
                    yield Problem(f"modes.{mode}.{place}.channels", repr(channel), f"notification channels: {there}")


def _lost_zones(settings: Settings) -> Iterator[tuple[int, str, str]]:
    """Yield the number of a rule, how people know it, and a zone or line that none of its cameras has."""
    for number, rule in enumerate(settings.rules):
        there = _zones(settings, number) if rule.when.zone else ()
        yield from ((number, rule.name or str(rule.when), zone) for zone in rule.when.zone if zone not in there)


def _zones(settings: Settings, number: int) -> list[str]:
    """Return the zones and lines of the cameras of a rule."""
    named = settings.rules[number].when.camera
    watched = [one.detection for name, one in settings.cameras.items() if name in named or not named]
    return list(dict.fromkeys(name for one in watched for name in (*one.zones, *one.lines)))
