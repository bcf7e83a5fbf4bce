"""A private key that is held to be wiped: it opens what age's own program sealed, and nothing once it is wiped."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.sealed.key_memory import KeyHandover, KeyMemory
from tawny.sealed.key_wrapping import Identity, wrap
from tawny.sealed.keys import hkdf
from tawny.sealed.mnemonics import decoded

OWNER, OTHER = Identity.new(), Identity.new()
KEY = os.urandom(32)


def raw(one: Identity) -> bytes:
    return decoded("age-secret-key-", one.text.lower())


def held(one: Identity = OWNER) -> KeyMemory:
    made = KeyMemory()
    with made.room() as room:
        room[:] = raw(one)
    return made


@pytest.mark.parametrize("to", [[OWNER], [OTHER, OWNER], [OWNER, OTHER]])
def test_it_opens_what_was_wrapped_to_it(to: list[Identity]) -> None:
    for _ in range(20):  # an age file has some random filling
        assert held().unwrapped(wrap(KEY, [one.recipient for one in to])) == KEY


def test_it_has_the_public_key_that_age_says() -> None:
    assert held().recipient == OWNER.recipient


def test_it_does_not_open_what_is_for_others() -> None:
    assert held().unwrapped(wrap(KEY, [OTHER.recipient])) is None


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_that_was_changed_opens(data: st.DataObject) -> None:
    wrapped = bytearray(WRAPPED)
    at = data.draw(st.integers(0, len(wrapped) - 1))
    wrapped[at] ^= data.draw(st.integers(1, 255))
    assert held().unwrapped(bytes(wrapped)) is None
    assert held().unwrapped(WRAPPED[:at]) is None


WRAPPED = wrap(KEY, [OTHER.recipient, OWNER.recipient])


@given(st.binary(max_size=300))
def test_junk_opens_nothing(junk: bytes) -> None:
    assert held().unwrapped(junk) is None
    assert held().unwrapped(b"age-encryption.org/v1\n-> X25519 " + junk) is None


def test_once_it_is_wiped_it_opens_nothing() -> None:
    one = held()
    one.wipe()
    assert not one.is_there
    assert one.unwrapped(WRAPPED) is None


def public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def handed(to: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """What a page sends."""
    own = X25519PrivateKey.generate()
    shared = own.exchange(X25519PublicKey.from_public_bytes(to))
    key = hkdf(shared, public(own) + to, b"tawny.unlock/1", 32)
    return public(own), AESGCM(key).encrypt(bytes(12), secret, None)


def test_a_key_is_handed_over() -> None:
    offer = KeyHandover()
    assert offer.take(*handed(offer.public, raw(OWNER))).recipient == OWNER.recipient


def test_a_key_that_was_sealed_for_somebody_else_is_refused() -> None:
    offer, theirs = KeyHandover(), KeyHandover()
    with pytest.raises(ValueError, match="not sealed for this"):
        offer.take(*handed(theirs.public, raw(OWNER)))
    with pytest.raises(ValueError, match="no sealed key"):
        offer.take(b"", b"")
