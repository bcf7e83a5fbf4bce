#!/usr/bin/env python3
"""Opens files that tawny sealed (format 1), with a private key and nothing of tawny: unseal.py KEYFILE SEALED...

KEYFILE has a line that begins with AGE-SECRET-KEY-1, as `age -d owner.age > KEYFILE` writes it. Beside each file its
content is written: SEALED.mp4, or SEALED.bin where it is no film. It reads no .keys files: should a key that was added
later not open a file, use an earlier one or the recovery sheet's. It needs only: pip install pyrage cryptography
"""

import hashlib
import hmac
import sys
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def hkdf(key: bytes, info: bytes, size: int = 32, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), size, salt, info).derive(key)


def unseal(data: bytes, identities: list) -> tuple[list[tuple[int, int, bytes]], str]:
    """Type, time in ms after the start, and content of every whole record; and a sentence about the file."""
    header = data[:192]
    wrap_bytes, step, start_ms = number(header[14:16]), number(header[56:60]), number(header[72:80])
    if header[:9] != b"\x89tawny\r\n\x01" or step > 4095:
        raise ValueError("this file was not sealed by tawny, or in a newer format")
    key = pyrage.decrypt(data[194 : 194 + number(data[192:194])], identities)  # another's key: pyrage.DecryptError
    if hkdf(key, b"tawny.seal/1 commit") != header[96:128]:
        raise ValueError("the wrapped key is another file's")
    for _ in range(step):
        key = hkdf(key, b"tawny.seal/1 step")
    keys = hkdf(key, b"tawny.seal/1 file" + hashlib.sha256(header).digest(), 96, header[128:160])
    gcm, nonce_key, leaf_key = AESGCM(keys[:32]), keys[32:64], keys[64:]
    found, at, thinned, is_closed = [], 192 + wrap_bytes, 0, False
    while at + 48 <= len(data) and not is_closed:
        head, leaf = bytes([data[at] & 0x7F]) + data[at + 1 : at + 12], data[at + 12 : at + 44]
        is_emptied, kind, seq = data[at] & 0x80, head[0], number(head[4:8])
        end = at + 48 + (0 if is_emptied else number(head[1:4]) + 16)
        if end > len(data) or kind == 0:
            break
        if seq != len(found) + thinned:
            raise ValueError(f"record {len(found) + thinned} is missing")
        if is_emptied:
            thinned += 1
        else:
            nonce = head[4:8] + hmac.digest(nonce_key, head + leaf, "sha256")[:8]
            content = gcm.decrypt(nonce, data[at + 48 : end], head + leaf)  # changed: cryptography's InvalidTag
            if hashlib.sha256(b"tawny.leaf/1" + leaf_key + head + content).digest() != leaf:
                raise ValueError(f"record {seq} is not the one that was recorded")
            found.append((kind, number(head[8:12]), content))
            is_closed = 0x70 <= kind < 0x7F
        at = end
    left = len(data) - at - (120 if is_closed and data[at : at + 1] == b"\x7f" else 0)
    ending = "closed properly" if is_closed else "NOT closed: a power cut, still recording, or cut short"
    more = f"; {left} bytes at the end are no whole record" if left else ""
    return found, f"starts {start_ms} ms UTC, {len(found)} records, {thinned} thinned out, {ending}{more}"


def main() -> None:
    lines = Path(sys.argv[1]).read_text().split()
    identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-1")]
    for path in map(Path, sys.argv[2:]):
        records, sentence = unseal(path.read_bytes(), identities)
        film = any(kind == 2 for kind, _, _ in records)  # it has the beginning of an MP4 file
        target = path.with_name(path.name + (".mp4" if film else ".bin"))
        target.write_bytes(b"".join(content for kind, _, content in records if kind == 2 or 0x10 <= kind < 0x30))
        print(f"{target}: {sentence}")


if __name__ == "__main__":
    main()
