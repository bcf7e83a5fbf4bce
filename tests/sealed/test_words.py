"""Words on a sheet are the key, in whatever way they are typed; a wrong one is named."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from tawny.sealed.key_wrapping import Identity
from tawny.sealed.mnemonics import (
    decoded,
    encoded,
    identity_from_words,
    identity_words,
    key_from_words,
    key_to_words,
    new_passphrase,
)

LIST_SHA256 = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
SECRET = bytes(range(32))


def test_the_list_never_changes() -> None:
    words = Mnemonic("english").wordlist
    assert sha256("".join(f"{word}\n" for word in words).encode()).hexdigest() == LIST_SHA256


@given(st.binary(min_size=32, max_size=32))
def test_there_and_back(secret: bytes) -> None:
    assert key_from_words(" ".join(key_to_words(secret))) == secret


def test_an_identity_there_and_back() -> None:
    one = Identity.new()
    assert identity_from_words(" ".join(identity_words(one))).text == one.text


def test_four_letters_of_each_are_enough() -> None:
    assert key_from_words("\n".join(word[:4].upper() for word in key_to_words(SECRET))) == SECRET


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["abandn", *key_to_words(SECRET)[1:]], "word 1, 'abandn'"),
        (key_to_words(SECRET)[:-1], "23 words"),
        ([*key_to_words(SECRET)[1:], key_to_words(SECRET)[0]], "at least one of them is wrong"),
        ([], "0 words"),
    ],
)
def test_what_is_wrong_is_told(typed: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        key_from_words(" ".join(typed))


def test_a_passphrase_is_seven_words_and_another_one_each_time() -> None:
    one, other = new_passphrase(), new_passphrase()
    assert one != other
    assert len(one.split("-")) == 7
    assert set(one.split("-")) <= set(Mnemonic("english").wordlist)


@given(st.binary(max_size=60))
def test_bech32_there_and_back(data: bytes) -> None:
    assert decoded("age", encoded("age", data)) == data


def test_a_mistyped_key_is_no_key() -> None:
    text = Identity.new().text
    with pytest.raises(ValueError, match="no age private key"):
        Identity.read(text[:-1] + ("Q" if text[-1] != "Q" else "P"))
    with pytest.raises(ValueError, match="letter is wrong"):
        decoded("age-secret-key-", text.lower()[:-1] + ("q" if text[-1] != "Q" else "p"))
