"""The files and values that every program of format 1 must read and write alike, byte for byte."""

import json
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.sealed.file_reader import InMemorySource, open_sealed, scan_file, thin_file
from tawny.sealed.header import SealedHeader
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.keys import EpochKey, FileKeys, commit_of, stepped
from tawny.sealed.mnemonics import key_to_words
from tawny.sealed.records import AFTER_KEY, KEY, KEY_ALONE, REST, crc_in, leaf_of
from tawny.sealed.sealer import Sealer
from tawny.sealed.signing import Signer, is_signed, read_signed, signed

HERE = Path(__file__).with_name("vectors")
V: dict[str, Any] = json.loads((HERE / "vectors.json").read_text())
IDENTITY = Identity.read("AGE-SECRET-KEY-" + V["identity_after_prefix"])
E0 = bytes.fromhex(V["epoch_key"])


def data(name: str) -> bytes:
    return (HERE / name).read_bytes()


def test_keys() -> None:
    header = bytes.fromhex(V["header"])
    assert commit_of(E0).hex() == V["commit"]
    assert stepped(E0).hex() == V["step_1"]
    assert sha256(header).hexdigest() == V["header_sha256"]
    keys = FileKeys.of(stepped(E0), header)
    assert [keys.seal.hex(), keys.nonce.hex(), keys.leaf.hex()] == [V["seal_key"], V["nonce_key"], V["leaf_key"]]
    assert IDENTITY.recipient == V["recipient"]
    assert IDENTITY.unwrapped(b64decode(V["age"])) == E0


@pytest.mark.parametrize("name", V["files"])
def test_files_are_read_as_what_they_are(name: str) -> None:
    assert sha256(data(name)).hexdigest() == V["files"][name]["sha256"]
    assert scan_file(InMemorySource(data(name))).ends == V["files"][name]["ends"]


def test_every_record() -> None:
    file = scan_file(InMemorySource(data("good.tws")))
    header = SealedHeader.read(bytes.fromhex(V["header"]))
    assert (file.header, file.header.packed().hex()) == (header, V["header"])
    keys = FileKeys.of(stepped(E0), file.packed)
    for (record, content), expected in zip(open_sealed(file, [IDENTITY]).contents(), V["records"], strict=True):
        assert (record.type, record.seq, record.time_ms) == (expected["type"], expected["seq"], expected["time"])
        assert content.decode() == expected["plain"]
        assert record.head.hex() == expected["head"]
        assert record.leaf.hex() == expected["leaf"] == leaf_of(keys.leaf, record.head, content).hex()
        assert keys.nonce_of(record.head, record.leaf).hex() == expected["nonce"]
        assert data("good.tws")[record.body_at : record.end].hex() == expected["body"]
        assert f"{crc_in(data('good.tws')[record.at : record.body_at]):08x}" == expected["crc"]
    assert file.digest.hex() == V["digest"]
    assert (file.statement, file.signature.hex()) == (V["statement"], V["signature"])
    assert is_signed(V["sign_public"], b"file", file.digest, file.signature)


def test_the_same_inputs_give_the_same_file() -> None:
    epoch = EpochKey(1763617800000, E0)
    epoch.next()  # step 0 was another file's
    key, step = epoch.next()
    header = replace(SealedHeader.read(bytes.fromhex(V["header"])), step=step, commit=epoch.commit)
    sealer = Sealer(header, key, b64decode(V["age"]))
    parts = [
        *sealer.begin({"camera": "front-door"}, b"[ftyp][moov]"),
        *sealer.record(KEY, 0, [b"[moof]", b"[mdat] first second"]),
        *sealer.record(REST, 1000, [b"[moof][mdat] second second"]),
        *sealer.record(KEY_ALONE, 2000, [b"[moof][mdat] key picture"]),
        *sealer.record(AFTER_KEY, 2000, [b"[moof][mdat] what follows it"]),
        *sealer.end(0, 3000, {}, signer()),
    ]
    assert b"".join(parts) == data("good.tws")


def test_thinned_without_a_key() -> None:
    assert b"".join(thin_file(scan_file(InMemorySource(data("good.tws"))))) == data("thinned.tws")


def test_a_statement_is_written_as_it_was() -> None:
    line = V["statement_line"].encode()
    read = read_signed(line)
    assert read.is_by(V["sign_public"], b"statement")
    assert signed(read.content, b"statement", signer().key) == line


def test_words() -> None:
    assert key_to_words(bytes.fromhex(V["recovery"]["secret"])) == V["recovery"]["words"]


def signer() -> Signer:
    return Signer(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(V["sign_seed"])), V["statement"])
