"""Reading single bits and Exp-Golomb codes out of a NAL unit's payload."""


def unescaped(payload: bytes) -> bytes:
    """Without the emulation prevention bytes: each 00 00 03 becomes 00 00."""
    return payload.replace(b"\0\0\3", b"\0\0")


class Bits:
    """A place in a run of bits, first bit first. Reading past the end is a ValueError."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def bits(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the parameter set ends early")
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.bits(1) == 1

    def number(self, most: int, what: str = "number") -> int:
        """An unsigned Exp-Golomb code, ue(v), that may be at most `most`."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise ValueError(f"no code for the {what} in the parameter set")
        value = (1 << zeros) - 1 + self.bits(zeros)
        if value > most:
            raise ValueError(f"impossible {what} in the parameter set: {value}, at most {most}")
        return value

    def signed(self) -> int:
        """A signed Exp-Golomb code, se(v)."""
        code = self.number(ANY)
        return (code + 1) // 2 if code & 1 else -(code // 2)


ANY = (1 << 33) - 2
"""The greatest number an Exp-Golomb code of this reader can have: no limit."""
