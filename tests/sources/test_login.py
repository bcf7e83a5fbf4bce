"""Answers to challenges; the worked examples are those of RFC 2069's errata, RFC 2617 and RFC 7616."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from tawny.protocols.digest_auth import MOST_CHALLENGES, ClientAuth
from tawny.testing.rtsp_camera import challenge, may_enter
from tawny.testing.rtsp_viewer import CameraSetup


def test_digest_without_qop() -> None:
    login = ClientAuth("Mufasa", "CircleOfLife")
    assert login.challenged(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in login.header("GET", "/dir/index.html")


def test_basic() -> None:
    login = ClientAuth("Aladdin", "open sesame")
    assert login.challenged(['Basic realm="WallyWorld"'])
    assert login.header("DESCRIBE", "rtsp://cam/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(("algorithm", "hashed"), [("MD5-sess", hashlib.md5), ("SHA-256-sess", hashlib.sha256)])
@pytest.mark.parametrize("qop", ["", ', qop="auth"'])
def test_a_digest_for_a_session_has_both_nonces_in_it(algorithm: str, hashed: Callable[..., Any], qop: str) -> None:
    login = ClientAuth("me", "pw")
    assert login.challenged([f'Digest realm="cam", nonce="n0nce", algorithm={algorithm}{qop}'])
    given = login.header("GET", "/x")
    data = {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', given)}

    def digest(text: str) -> str:
        return str(hashed(text.encode()).hexdigest())

    stored = digest(f"{digest('me:cam:pw')}:n0nce:{data['cnonce']}")
    once = f"n0nce:00000001:{data['cnonce']}:auth" if qop else "n0nce"
    assert data["response"] == digest(f"{stored}:{once}:{digest('GET:/x')}")
    assert data["algorithm"] == algorithm


def test_nothing_is_sent_unasked() -> None:
    assert ClientAuth("me", "pw").header("DESCRIBE", "rtsp://cam/") == ""


@pytest.mark.parametrize("form", ["basic", "md5", "sha-256"])
@pytest.mark.parametrize(("password", "lets_in"), [('p:@ "w\\d', True), ("other", False)])
def test_a_camera_lets_in_who_knows_the_password(form: str, password: str, lets_in: bool) -> None:
    setup = CameraSetup(user="me", password='p:@ "w\\d', login=form)
    login = ClientAuth("me", password)
    assert login.challenged([challenge(setup, "n0nce")])
    assert may_enter(setup, "n0nce", "DESCRIBE", login.header("DESCRIBE", "rtsp://cam/x")) is lets_in


@pytest.mark.parametrize(
    ("offered", "form"),
    [
        (['Basic realm="a"', 'Digest realm="a", nonce="1"'], "Digest MD5"),
        (['Digest realm="a", nonce="1", Basic realm="a"'], "Digest MD5"),
        (
            ['Digest realm="a", nonce="1", algorithm=MD5', 'Digest realm="a", nonce="2", algorithm=SHA-256'],
            "Digest SHA-256",
        ),
        (['Digest realm="a", nonce="1", algorithm=TIGER', 'Basic realm="a"'], "Basic"),
        (['digest Realm="a", NONCE="1", Algorithm="md5"'], "Digest MD5"),
    ],
)
def test_the_strongest_form_known_is_taken(offered: list[str], form: str) -> None:
    login = ClientAuth("me", "pw")
    assert login.challenged(offered)
    assert login.form == form


@pytest.mark.parametrize("offered", [[], ["Bearer"], ['Digest nonce="1", algorithm=TIGER'], [""]])
def test_what_cannot_be_answered_is_not(offered: list[str]) -> None:
    assert not ClientAuth("me", "pw").challenged(offered)


@pytest.mark.parametrize(
    ("offered", "unknown"),
    [
        (['Digest nonce="1", algorithm=SHA-512-256'], "SHA-512-256"),
        (["NTLM", 'Digest nonce="1", algorithm=TIGER', "NTLM"], "NTLM, TIGER"),
        ([], ""),
        (["NTLM", 'Basic realm="a"'], ""),
    ],
)
def test_sign_ins_that_are_not_known_are_named(offered: list[str], unknown: str) -> None:
    login = ClientAuth("me", "pw")
    login.challenged(offered)
    assert login.unknown == unknown


def test_who_has_no_login_gives_none() -> None:
    assert not ClientAuth("", "").challenged(['Digest realm="a", nonce="1"'])


def test_a_nonce_is_never_answered_twice() -> None:
    login = ClientAuth("me", "pw")
    assert login.challenged(['Digest realm="a", nonce="1"'])
    assert not login.challenged(['Digest realm="a", nonce="1"'])


def test_fresh_nonces_are_answered_a_few_times_only() -> None:
    login = ClientAuth("me", "pw")
    answered = [login.challenged([f'Digest realm="a", nonce="{n}"']) for n in range(10)]
    assert sum(answered) == MOST_CHALLENGES


def test_a_nonce_that_expires_now_and_then_is_renewed_for_as_long_as_the_login_is_right() -> None:
    login = ClientAuth("me", "pw")
    for number in range(10):
        assert login.challenged([f'Digest realm="a", nonce="{number}"'])
        login.accepted()
        assert not login.challenged([f'Digest realm="a", nonce="{number}"'])


def test_with_qop_the_count_rises() -> None:
    login = ClientAuth("me", "pw")
    login.challenged(['Digest realm="a", nonce="1", qop="auth,auth-int", opaque="o"'])
    headers = [login.header("OPTIONS", "rtsp://cam/") for _ in range(2)]
    assert [re.findall(r"nc=(\d+)", header) for header in headers] == [["00000001"], ["00000002"]]
