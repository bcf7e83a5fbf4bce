"""Which addresses of others' cameras a standby uses: those in the network, and none that leads to the standby itself.

A plan can come from a recorder in wrong hands, so the standby decides by itself. It looks names up, and connects to the
address that it has found: a name that leads elsewhere a moment later changes nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tawny.fleet.standby_plan import StandbyCamera, is_host_of_network, is_name
from tawny.sources.network_address import NetworkAddress, parse_network, scheme_of

SCHEMES: Final = frozenset({"rtsp", "rtsps", "http", "https"})
"""Of addresses that the standby can read as well as the recorder."""
DEMO: Final = "demo:"
ADDRESSES: Final = ("source", "sub")
"""Settings with addresses that cross."""
NOT_REACHABLE: Final = "it is connected to that recorder itself"
NOT_OF_NETWORK: Final = "its address isn't one in the network: it leads each computer to itself"
UNKNOWN_NAME: Final = "the name in its address is unknown to the standby"
LEADS_TO_STANDBY: Final = "the name in its address leads the standby to itself"
LookUp = Callable[[Collection[str]], Mapping[str, Sequence[str]]]
"""Returns the addresses of names; a name that wasn't found in time is missing. Waits for the network."""


class AddressRefused(ValueError):
    """The standby doesn't use the address of a camera. The text says why."""


def why_unreachable(address: str) -> str:
    """Return why a standby can't use an address; empty: it can, or its name must be looked up."""
    if address.startswith(DEMO):
        return ""
    if scheme_of(address) not in SCHEMES:
        return NOT_REACHABLE
    try:
        return "" if is_host_of_network(parse_network(address).host) else NOT_OF_NETWORK
    except ValueError:
        return NOT_REACHABLE


def names_of(camera: StandbyCamera) -> set[str]:
    """Return the names in a camera's addresses that must be looked up."""
    hosts = {one.host for one in _addresses_of(camera.settings).values()}
    return {host for host in hosts if is_name(host)}


class CameraPlaces:
    """Where the names in the addresses of a recorder's cameras lead. One thread at a time."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._found: dict[str, str] = {}
        self._own: set[str] = set()

    def learn(self, cameras: Collection[StandbyCamera]) -> None:
        """Look up all names of these cameras, and forget others. A name that isn't found keeps its last place."""
        names = {name for camera in cameras for name in names_of(camera)}
        found = self._look_up(names) if names else {}
        before, self._found, self._own = self._found, {}, set()
        for name in names:
            places = found.get(name, ())
            if not all(is_host_of_network(place) for place in places):
                self._own.add(name)
            elif places or name in before:
                self._found[name] = places[0] if places else before[name]

    def has(self, camera: StandbyCamera) -> bool:
        """Return whether all names of a camera are known."""
        return names_of(camera) <= self._found.keys()

    def settled(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a camera's settings with addresses instead of names. Raises AddressRefused."""
        for key in ADDRESSES:
            if why := why_unreachable(str(settings.get(key) or DEMO)):
                raise AddressRefused(why)
        return dict(settings) | {key: self._settled(one, settings) for key, one in _addresses_of(settings).items()}

    def _settled(self, address: NetworkAddress, settings: Mapping[str, Any]) -> str:
        if not is_name(address.host):
            return address.url_with_login
        if address.host in self._own:
            raise AddressRefused(LEADS_TO_STANDBY)
        if address.host not in self._found:
            raise AddressRefused(UNKNOWN_NAME)
        options = settings.get(address.protocol)
        has_fingerprint = isinstance(options, Mapping) and bool(options.get("fingerprint"))
        if address.is_encrypted and not has_fingerprint:  # its certificate has that name, and nothing here has it
            return address.url_with_login
        return replace(address, host=self._found[address.host]).url_with_login


def _addresses_of(settings: Mapping[str, Any]) -> dict[str, NetworkAddress]:
    """Return the valid addresses of network cameras, by setting."""
    found = {}
    for key in ADDRESSES:
        text = str(settings.get(key) or "")
        if scheme_of(text) in SCHEMES:
            try:
                found[key] = parse_network(text)
            except ValueError:
                continue
    return found
