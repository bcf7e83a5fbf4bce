"""Queues of RTP packets: reordering of late packets, and probation of suspicious ones."""

from collections.abc import Iterator


def number_of(packet: bytes) -> int:
    """Return an RTP packet's sequence number."""
    return packet[2] << 8 | packet[3]


class ReorderBuffer:
    """Packets received ahead of their turn, by sequence number."""

    def __init__(self) -> None:
        self._packets: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, number: int, packet: bytes) -> bool:
        """Add a packet. Return False for a duplicate."""
        if number in self._packets:
            return False
        self._packets[number] = packet
        return True

    def pop(self, number: int) -> bytes | None:
        return self._packets.pop(number, None)

    def take_all(self, following: int) -> Iterator[bytes]:
        """Remove and yield all packets, ordered by sequence number from `following` on."""
        packets, self._packets = self._packets, {}
        for number in sorted(packets, key=lambda number: (number - following) & 0xFFFF):
            yield packets[number]


class ProbationQueue:
    """Suspicious packets. After `proof` consecutive sequence numbers they count as valid."""

    def __init__(self, proof: int) -> None:
        self._proof = proof
        self._packets: list[bytes] = []
        self._of = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, number: int, packet: bytes, of: int = 0) -> list[bytes]:
        """Add a packet. Return all packets once there are enough, else an empty list. of: property they must share."""
        packets = self._packets
        if packets and (of != self._of or number != (number_of(packets[-1]) + 1) & 0xFFFF):
            packets.clear()
        self._of = of
        packets.append(packet)
        if len(packets) < self._proof:
            return []
        self._packets = []
        return packets

    def clear(self) -> None:
        if self._packets:
            self._packets.clear()
