"""Packets that wait: for one that is late, or for proof that they are what they seem to be."""

from collections.abc import Iterator


def number_of(packet: bytes) -> int:
    """An RTP packet's sequence number."""
    return packet[2] << 8 | packet[3]


class ReorderBuffer:
    """Packets that came before their turn, by number."""

    def __init__(self) -> None:
        self._packets: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, number: int, packet: bytes) -> bool:
        """False if it is there already."""
        if number in self._packets:
            return False
        self._packets[number] = packet
        return True

    def pop(self, number: int) -> bytes | None:
        return self._packets.pop(number, None)

    def take_all(self, following: int) -> Iterator[bytes]:
        """Everything, in order from the number `following` on; nothing waits afterwards."""
        packets, self._packets = self._packets, {}
        for number in sorted(packets, key=lambda number: (number - following) & 0xFFFF):
            yield packets[number]


class ProbationQueue:
    """Packets that contradict what was; `proof` of them in a row, each the next of the last, and they are right."""

    def __init__(self, proof: int) -> None:
        self._proof = proof
        self._packets: list[bytes] = []
        self._of = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, number: int, packet: bytes, of: int = 0) -> list[bytes]:
        """All of them once there are enough, empty until then. of: what they must have in common."""
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
