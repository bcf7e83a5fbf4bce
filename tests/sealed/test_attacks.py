"""What an attacker, a power cut or a dying disk can do to a sealed file: nothing of it goes unnoticed."""

import os
import random
import struct
from contextlib import suppress

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.file_reader import (
    FileEnding,
    InMemorySource,
    SealedFileReader,
    can_be_thinned,
    open_sealed,
    scan_file,
    thin_file,
)
from tawny.sealed.header import HEADER_BYTES
from tawny.sealed.key_wrapping import area, unwrap, wrap
from tawny.sealed.keys import EpochKey, FileKeys, stepped
from tawny.sealed.records import AFTER_KEY, KEY, REST, emptied, leaf_of
from tawny.sealed.sealer import Sealer
from tests.sealed.made import (
    OWNER,
    RECIPIENTS,
    RECOVERY,
    STRANGER,
    Epoch,
    contents,
    header_of,
    is_whole,
    look,
    make,
    mended,
    mended_all,
    usual,
)

SIGNATURE_BYTES = 120
"""Of the record with it."""


def key_of(data: bytes) -> bytes:
    file = look(data)
    return unwrap(file.wrapped, [OWNER], file.header.commit)


def is_refused(data: bytes) -> bool:
    """Whether whoever opens it, or only reads it, is told."""
    try:
        contents(data)
    except SealedFileBroken:
        return True
    return not is_whole(look(data))


def test_what_was_sealed_comes_back_for_each_recipient_and_nobody_else() -> None:
    data = usual().data
    assert contents(data) == contents(data, RECOVERY)
    assert is_whole(look(data))
    assert look(data).digest == usual().sealer.digest
    with pytest.raises(WrongKey):
        contents(data, STRANGER)


def test_a_power_cut_at_every_byte_keeps_what_was_synced() -> None:
    made = usual()
    data, whole, key = made.data, contents(made.data), key_of(made.data)
    synced = [sum(map(len, made.writes[: count + 1])) for count in range(len(made.writes))]
    for cut in range(HEADER_BYTES, len(data) + 1):
        file = look(data[:cut])
        kept = [content for _, content in SealedFileReader(file, key).contents()]
        assert kept == whole[: len(kept)]
        assert file.good_bytes <= cut
        writes = sum(at <= cut for at in synced)
        assert len(kept) >= (0 if not writes else min(2 + writes, len(whole)))
        at_border = FileEnding.TORN if file.good_bytes < cut else FileEnding.OPEN
        is_closed = cut >= len(data) - SIGNATURE_BYTES
        assert file.ends is (FileEnding.SIGNED if cut == len(data) else FileEnding.CLOSED if is_closed else at_border)
    for cut in range(HEADER_BYTES):
        with pytest.raises(SealedFileBroken):
            look(data[:cut])


def test_sectors_that_a_power_cut_lost_out_of_order() -> None:
    dice = random.Random(3)
    made = make(size=3000)
    whole, key = contents(made.data), key_of(made.data)
    for count in range(1, len(made.writes)):
        before = b"".join(made.writes[:count])
        for _ in range(20):
            tail = bytearray(made.writes[count])
            for at in range(0, len(tail), 512):
                if dice.random() < 0.5:
                    tail[at : at + 512] = bytes(len(tail[at : at + 512]))
            kept = [content for _, content in SealedFileReader(look(before + bytes(tail)), key).contents()]
            assert len(kept) >= 2 + count
            assert kept == whole[: len(kept)]


def test_every_bit_of_the_header() -> None:
    data = usual().data
    for at in range(HEADER_BYTES):
        for bit in range(8):
            assert is_refused(flipped(data, at, bit)), (at, bit)


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.mark.parametrize("mends", [False, True])
def test_a_bit_of_every_byte_also_with_its_crc_mended(mends: bool) -> None:
    data = usual().data
    clean, whole, key = look(data), contents(data), key_of(data)
    for at in range(HEADER_BYTES + clean.header.wrap_bytes, len(data)):
        record = next((one for one in clean.records if one.at <= at < one.end), None)
        bad = flipped(data, at, at % 8)
        if mends:
            if record is None or record.at + 44 <= at < record.body_at:
                continue
            bad = mended(bad, record)
        file = look(bad)
        kept = []
        with suppress(SealedFileBroken):
            for _, content in SealedFileReader(file, key).contents():
                kept.append(content)
        assert not (is_whole(file) and kept == whole), at
        assert kept == whole[: len(kept)], at


def test_a_changed_wrapped_key_opens_nothing_or_the_same() -> None:
    data = usual().data
    whole = contents(data)
    for at in range(HEADER_BYTES, HEADER_BYTES + look(data).header.wrap_bytes):
        with suppress(SealedFileBroken):
            assert contents(flipped(data, at, at % 8)) == whole


def parts_of(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Header and wrapped key, records, signature."""
    records = look(data).records
    first, last = records[0].at, records[-1].end
    return data[:first], [data[record.at : record.end] for record in records], data[last:]


def renumbered(records: list[bytes]) -> list[bytes]:
    return [one[:4] + struct.pack(">I", seq) + one[8:] for seq, one in enumerate(records)]


ANY_RECORD = st.integers(0, 8)


@given(ANY_RECORD)
def test_a_record_cut_out(at: int) -> None:
    lead, records, tail = parts_of(usual().data)
    rest = records[:at] + records[at + 1 :]
    assert is_refused(lead + b"".join(rest) + tail)
    assert is_refused(mended_all(lead + b"".join(renumbered(rest)) + tail))


@given(ANY_RECORD, ANY_RECORD)
def test_two_records_swapped(one: int, other: int) -> None:
    lead, records, tail = parts_of(usual().data)
    records[one], records[other] = records[other], records[one]
    if one != other:
        assert is_refused(lead + b"".join(records) + tail)
        assert is_refused(mended_all(lead + b"".join(renumbered(records)) + tail))


@given(ANY_RECORD, ANY_RECORD)
def test_a_record_repeated(one: int, at: int) -> None:
    lead, records, tail = parts_of(usual().data)
    records.insert(at, records[one])
    assert is_refused(lead + b"".join(records) + tail)
    assert is_refused(mended_all(lead + b"".join(renumbered(records)) + tail))


EPOCH = Epoch.new()
A = make(EPOCH, seed=1).data
SAME_CAMERA = make(EPOCH, seed=2, number=2).data
OTHER_CAMERA = make(seed=3, camera=b"c" * 16).data


@pytest.mark.parametrize("foreign", [SAME_CAMERA, OTHER_CAMERA], ids=["another file", "another camera"])
@pytest.mark.parametrize("at", range(9))
def test_a_record_moved_here_from(foreign: bytes, at: int) -> None:
    lead, records, tail = parts_of(A)
    records[at] = parts_of(foreign)[1][at]
    assert is_refused(lead + b"".join(records) + tail)
    assert is_refused(mended_all(lead + b"".join(records) + tail))


@pytest.mark.parametrize("foreign", [SAME_CAMERA, OTHER_CAMERA], ids=["another file", "another camera"])
def test_parts_of_two_files_put_together(foreign: bytes) -> None:
    lead, records, tail = parts_of(A)
    their_lead, their_records, their_tail = parts_of(foreign)
    assert is_refused(lead + b"".join(their_records) + their_tail)
    assert is_refused(their_lead + b"".join(records) + tail)
    assert is_refused(lead + b"".join(records) + their_tail)
    if foreign is OTHER_CAMERA:
        begin = look(A).records[0].at
        assert is_refused(A[:HEADER_BYTES] + foreign[HEADER_BYTES:begin] + A[begin:])


def test_what_was_cut_off_looks_open_and_has_another_digest() -> None:
    data = usual().data
    clean = look(data)
    for record in clean.records[1:]:
        cut = look(data[: record.at])
        assert cut.ends is FileEnding.OPEN
        assert cut.digest != clean.digest
    without = look(data[: clean.records[-1].end])
    assert (without.ends, without.digest) == (FileEnding.CLOSED, clean.digest)


def test_anything_behind_the_signature() -> None:
    data = usual().data
    for more in (b"\0", b"x" * 47, data[-SIGNATURE_BYTES:], b"x" * 500, bytes(500)):
        assert look(data + more).ends is FileEnding.DAMAGED


def test_two_lives_of_one_snapshot_never_share_a_nonce() -> None:
    """The machine is put back with its memory: same key, salt and numbers, and even the same random ones."""
    key, salt = os.urandom(32), os.urandom(32)
    seen: dict[bytes, bytes] = {}
    for life in range(200):
        epoch = EpochKey(1000, key)
        header, file_key = header_of(epoch, b"age", salt=salt)
        sealer, keys = Sealer(header, file_key, b"age"), FileKeys.of(file_key, header.packed())
        parts = sealer.begin({}, b"")[2:] + sealer.record(KEY, 0, [b"the same in all lives"])
        for second in range(10):
            parts += sealer.record(KEY, second, [f"life {life} second {second}".encode()])
        for lead in parts[::2]:
            nonce = keys.nonce_of(lead[:12], lead[12:44])
            assert seen.setdefault(nonce, lead[12:44]) == lead[12:44]
    assert len(seen) == 2 + 200 * 10


def test_what_is_in_memory_now_opens_no_closed_file() -> None:
    epoch = Epoch.new()
    closed = [make(epoch, seed=seed).data for seed in range(3)]
    stolen, _ = epoch.key.next()
    for data in closed:
        file = look(data)
        for steps in range(8):
            keys = FileKeys.of(stepped(stolen, steps), file.packed)
            record = file.records[0]
            with pytest.raises(InvalidTag):
                AESGCM(keys.seal).decrypt(
                    keys.nonce_of(record.head, record.leaf),
                    data[record.body_at : record.end],
                    record.head + record.leaf,
                )


def test_who_can_open_it_cannot_put_other_content_under_what_was_signed() -> None:
    data = usual().data
    file = look(data)
    keys = FileKeys.of(stepped(key_of(data), file.header.step), file.packed)
    record = file.records[3]
    other = os.urandom(record.content_bytes)
    body = AESGCM(keys.seal).encrypt(keys.nonce_of(record.head, record.leaf), other, record.head + record.leaf)
    forged = mended(data[: record.body_at] + body + data[record.end :], record)
    assert is_whole(look(forged))
    with pytest.raises(SealedFileBroken, match="doesn't match the recording"):
        contents(forged)
    honest = leaf_of(keys.leaf, record.head, other)
    assert honest != record.leaf


@pytest.mark.parametrize("split", [False, True])
def test_thinning_keeps_the_signature_and_every_key_picture(split: bool) -> None:
    data = make(split=split).data
    assert can_be_thinned(look(data))
    thin = b"".join(thin_file(look(data)))
    file = look(thin)
    assert len(thin) < len(data)
    assert is_whole(file)
    assert file.digest == look(data).digest
    assert {one.type for one in file.records if one.is_emptied} == {AFTER_KEY if split else REST}
    kept = [content for _, content in open_sealed(file, [OWNER]).contents()]
    assert set(kept) < set(contents(data))
    assert b"".join(thin_file(file)) == thin
    assert not can_be_thinned(file)


@pytest.mark.parametrize("at", [0, 1, 2, 4, 8])
def test_nobody_thins_what_is_no_picture_between_key_pictures(at: int) -> None:
    data = usual().data
    record = look(data).records[at]
    assert look(data[: record.at] + emptied(record) + data[record.end :]).ends is FileEnding.DAMAGED


def test_another_wrapped_key_of_the_same_epoch_is_all_that_may_change() -> None:
    data = usual().data
    size = look(data).header.wrap_bytes
    tries = (wrap(key_of(data), [*RECIPIENTS, STRANGER.recipient]) for _ in range(20))  # age adds random padding
    again = next(wrapped for wrapped in tries if 2 + len(wrapped) <= size)
    changed = data[:HEADER_BYTES] + area(again, size) + data[HEADER_BYTES + size :]
    assert contents(changed, STRANGER) == contents(data)
    assert is_whole(look(changed))


def test_a_header_with_a_million_steps_is_refused_before_the_first() -> None:
    data = usual().data
    with pytest.raises(SealedFileBroken, match="header was modified"):
        look(data[:56] + struct.pack(">I", 4096) + data[60:])


@given(st.binary(max_size=2000), st.integers(0, 40))
@settings(max_examples=200)
def test_no_junk_hurts_the_reader(junk: bytes, keep: int) -> None:
    base = usual().data
    for data in (junk, base[: len(base) * keep // 40] + junk, base[:HEADER_BYTES] + junk):
        with suppress(SealedFileBroken):
            file = scan_file(InMemorySource(data))
            assert file.good_bytes <= len(data)
            open_sealed(file, [OWNER])


@pytest.mark.parametrize(("wanted", "begins"), [(0, 0), (1999, 0), (2000, 2000), (3999, 2000), (99_999, 4000)])
def test_where_to_begin_to_see_an_instant(wanted: int, begins: int) -> None:
    found = look(usual().data, deep=False).begin_for(wanted)
    assert found is not None
    assert (found.time_ms, found.type) == (begins, KEY)
