"""Small sealed files for tests, as their writer writes them: one write after another."""

import random
from dataclasses import dataclass, replace
from functools import cache

from tawny.sealed.file_reader import FileEnding, FileScan, InMemorySource, open_sealed, scan_file
from tawny.sealed.header import SealedFileKind, SealedHeader
from tawny.sealed.key_wrapping import Identity, area_bytes, wrap
from tawny.sealed.keys import EpochKey
from tawny.sealed.records import AFTER_KEY, KEY, KEY_ALONE, REST, Record, lead_of
from tawny.sealed.sealer import Sealer, new_salt
from tawny.sealed.signing import Signer, is_signed, new_key

OWNER, RECOVERY, STRANGER = Identity.new(), Identity.new(), Identity.new()
RECIPIENTS = [OWNER.recipient, RECOVERY.recipient]
SIGNER = Signer(new_key(), 7)


@dataclass
class Epoch:
    key: EpochKey
    wrapped: bytes

    @classmethod
    def new(cls, key: bytes | None = None, born_ms: int = 1000) -> "Epoch":
        epoch = EpochKey(born_ms, key)
        return cls(epoch, wrap(epoch.first(), RECIPIENTS))


def header_of(epoch: EpochKey, wrapped: bytes, **changes: object) -> tuple[SealedHeader, bytes]:
    key, step = epoch.next()
    plain = SealedHeader(
        kind=SealedFileKind.SEGMENT,
        stream=0,
        flags=0,
        wrap_bytes=area_bytes(wrapped),
        recorder=b"R" * 16,
        camera=b"C" * 16,
        born_ms=epoch.born_ms,
        step=step,
        number=1,
        start_ms=1_000_000,
        run=5,
        commit=epoch.commit,
        salt=new_salt(),
        prev=bytes(32),
    )
    return replace(plain, **changes), key  # type: ignore[arg-type]


@dataclass
class Made:
    writes: list[bytes]
    sealer: Sealer

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


def make(
    epoch: Epoch | None = None,
    *,
    seconds: int = 6,
    size: int = 90,
    seed: int = 1,
    signer: Signer | None = SIGNER,
    split: bool = False,
    **header: object,
) -> Made:
    dice = random.Random(seed)
    epoch = epoch or Epoch.new()
    made, key = header_of(epoch.key, epoch.wrapped, **header)
    sealer = Sealer(made, key, epoch.wrapped)

    def second(number: int) -> list[bytes]:
        if split:
            parts = sealer.record(KEY_ALONE, number * 1000, [dice.randbytes(size)])
            return [*parts, *sealer.record(AFTER_KEY, number * 1000, [dice.randbytes(size)])]
        return sealer.record(REST if number % 2 else KEY, number * 1000, [dice.randbytes(size)])

    writes = [b"".join([*sealer.begin({"camera": "door"}, b"ftypmoov"), *second(0)])]
    writes += [b"".join(second(number)) for number in range(1, seconds)]
    writes.append(b"".join(sealer.end(0, seconds * 1000, {}, signer)))
    return Made(writes, sealer)


def look(data: bytes, *, deep: bool = True) -> FileScan:
    return scan_file(InMemorySource(data), deep=deep)


def contents(data: bytes, identity: Identity = OWNER) -> list[bytes]:
    return [content for _, content in open_sealed(look(data), [identity]).contents()]


def is_whole(file: FileScan, signer: Signer = SIGNER) -> bool:
    """Signed by this recorder, over what it has."""
    return file.ends is FileEnding.SIGNED and is_signed(signer.public, b"file", file.digest, file.signature)


def mended(data: bytes, record: Record) -> bytes:
    """With the CRC of one record made right again, as an attacker would."""
    lead = data[record.at : record.at + 44]
    body = data[record.body_at : record.end]
    return data[: record.at] + lead_of(lead[:12], lead[12:44], body) + data[record.body_at :]


def mended_all(data: bytes) -> bytes:
    for record in look(data, deep=False).records:
        data = mended(data, record)
    return data


@cache
def usual() -> Made:
    return make()
