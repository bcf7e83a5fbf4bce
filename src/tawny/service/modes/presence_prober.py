"""Presence prober: periodically probes for the configured people and reports those found at home."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tawny.config.modes import PersonPresenceSettings, PresenceSettings
from tawny.events.presence_probes import mdns, neighbours, ping
from tawny.model.clock import Clock
from tawny.model.errors import NotDone

LOOK_S: Final = 5.0
LOCAL: Final = ".local"
"""Names with this suffix are resolved by multicast DNS."""
NO_PINGS: Final = (
    "Ping isn't allowed on this computer, so tawny checks connections and the ARP table instead. It may miss "
    "sleeping phones. To allow ping, set `net.ipv4.ping_group_range`."
)
Seen = Callable[[str, str], None]


class PresenceProbes:
    """Probes of the network. Every method waits for the network."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.may_ping = ping.may_ping()

    def addresses(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the reachable addresses, each with its probe."""
        found = ping.resolved(names)
        known = neighbours.neighbours()
        neighbours.poke(where[0] for _, where in found.values())
        if self.may_ping:
            return dict.fromkeys(ping.answer_pings(found, self._clock), "ping")
        there = dict.fromkeys((name for name, (_, where) in found.items() if where[0] in known), "arp")
        return there | dict.fromkeys(ping.answer_connections(found, self._clock), "connection")

    def macs(self) -> frozenset[str]:
        known = neighbours.neighbours()
        neighbours.poke(known)
        return frozenset(known.values())

    def names(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(mdns.answer_names(names, self._clock))


class PresenceProber:
    """Probes presence as one actor.

    presence: returns the current settings. seen: receives each person found and the probe.
    """

    name = "looking"

    def __init__(
        self, presence: Callable[[], PresenceSettings], ways: PresenceProbes, seen: Seen, clock: Clock
    ) -> None:
        self._presence, self._ways, self._seen, self._clock = presence, ways, seen, clock
        self._due_s = clock.mono_s()

    @property
    def looks_by(self) -> str:
        """Hint about probes that do not work here; empty if all do."""
        asks = any(one.ping for one in self._presence().everybody.values())
        return NO_PINGS if asks and not self._ways.may_ping else ""

    def step(self) -> float:
        presence = self._presence()
        if self._clock.mono_s() >= self._due_s:
            self._due_s = self._clock.mono_s() + presence.every
            self._look(presence.everybody)
        return min(LOOK_S, max(0.1, self._due_s - self._clock.mono_s()))

    def close(self) -> None:
        """No resources to release."""

    def _look(self, people: Mapping[str, PersonPresenceSettings]) -> None:
        pinged = [address for one in people.values() for address in one.ping if not address.endswith(LOCAL)]
        named = [name for one in people.values() for name in (*one.mdns, *_local(one.ping))]
        answering = self._ways.addresses(pinged) if pinged else {}
        macs = self._ways.macs() if any(one.mac for one in people.values()) else frozenset()
        names = self._ways.names(named) if named else frozenset()
        for person, one in people.items():
            sources = [answering[address] for address in one.ping if address in answering]
            sources += ["arp" for mac in one.mac if mac in macs]
            sources += ["mdns" for name in (*one.mdns, *_local(one.ping)) if name in names]
            if sources:
                try:
                    self._seen(person, sources[0])
                except NotDone:
                    continue  # the settings have just changed


def _local(addresses: Iterable[str]) -> list[str]:
    return [address for address in addresses if address.endswith(LOCAL)]
