"""Bit and Exp-Golomb reader for NAL unit payloads."""


def unescaped(payload: bytes) -> bytes:
    """Remove the emulation prevention bytes: each 00 00 03 becomes 00 00."""
    return payload.replace(b"\0\0\3", b"\0\0")


class Bits:
    """Bit reader, most significant bit first. Raises ValueError when reading past the end."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def bits(self, count: int) -> int:
        """Read `count` bits as an unsigned integer."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the parameter set ends early")
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.bits(1) == 1

    def number(self, most: int, what: str = "number") -> int:
        """Read an unsigned Exp-Golomb code, ue(v). Raises ValueError above `most`."""
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
        """Read a signed Exp-Golomb code, se(v)."""
        code = self.number(ANY)
        return (code + 1) // 2 if code & 1 else -(code // 2)


ANY = (1 << 33) - 2
"""Largest Exp-Golomb code that this reader accepts; as `most`: no limit."""
