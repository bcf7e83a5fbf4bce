"""No secret that anybody planted, in whatever form a camera gives it back, survives in what is kept or reported."""

import base64
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as some

from tawny.sources.network_address import HIDDEN, SecretFilter, parse_rtsp, strip_locations
from tawny.sources.rtsp.client.transcript import Transcript

words = some.text(some.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters=HIDDEN), min_size=6).filter(
    lambda word: not word.isspace()
)
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda word: word,
    "percent": lambda word: quote(word, safe=""),
    "plus": quote_plus,
    "base64": lambda word: base64.b64encode(word.encode()).decode(),
    "base64 without its end": lambda word: base64.b64encode(word.encode()).decode().rstrip("="),
    "hex": lambda word: word.encode().hex(),
    "upper": str.upper,
    "quoted": lambda word: f'"{word}"',
    "header": lambda word: f"X-Your-Login: {word}\r\nServer: a",
    "address": lambda word: f"rtsp://{quote(word, safe='')}:{quote(word, safe='')}@192.168.1.4/live",
    "named": lambda word: f"/user={word}&password={word}&channel=1.sdp",
}


def _is_in(word: str, text: str) -> bool:
    shapes = {word, quote(word, safe=""), quote_plus(word), base64.b64encode(word.encode()).decode().rstrip("=")}
    return any(shape.lower() in text.lower() for shape in (*shapes, word.encode().hex()))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(words, words, some.sampled_from(sorted(FORMS)), some.binary(max_size=40), some.binary(max_size=40))
@example("viewer", "s3cret!", "address", b"", b"")
def test_a_login_is_not_kept_however_it_comes_back(
    user: str, password: str, form: str, before: bytes, after: bytes
) -> None:
    transcript = Transcript(SecretFilter([], (user, password)))
    for word in (user, password):
        assume(len(word.upper()) == len(word.lower()) == len(word))
        transcript.sent(before + FORMS[form](word).encode() + after)
        transcript.received(f"{before!r} {FORMS[form](word)}".encode())
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    transcript.sent(f"DESCRIBE rtsp://cam/ RTSP/1.0\r\nAuthorization: Basic {login}\r\n\r\n".encode())
    answer = "\n".join(line["text"] for line in transcript.record())
    assert not _is_in(user, answer)
    assert not _is_in(password, answer)
    assert login not in answer


made = some.text("0123456789abcdefABCDEF+/", min_size=8, max_size=40)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made, made, made, made, some.sampled_from(['"{}"', "{}", "'{}'", '  "{}"']))
def test_what_a_login_is_made_of_is_not_kept(nonce: str, response: str, cnonce: str, session: str, quotes: str) -> None:
    transcript = Transcript(SecretFilter([], ("viewer", "s3cret")))
    nonce_said = quotes.format(nonce)
    transcript.received(
        f'RTSP/1.0 401 No\r\nX-Debug: {nonce}\r\nWWW-Authenticate: Digest realm="cam", nonce={nonce_said}'.encode()
    )
    asked = f'Authorization: Digest username="viewer", nonce="{nonce}", response="{response}", cnonce="{cnonce}", nc=1'
    transcript.sent(f"DESCRIBE rtsp://cam/ RTSP/1.0\r\n{asked}\r\n\r\n".encode())
    transcript.received(
        f"RTSP/1.0 200 OK\r\nX-You-Sent: {response} {cnonce}\r\nSession: {session};timeout=60\r\n\r\n".encode()
    )
    transcript.sent(f"PLAY rtsp://cam/?s={session} RTSP/1.0\r\nSession: {session}\r\n\r\n".encode())
    answer = "\n".join(line["text"] for line in transcript.record()).lower()
    for secret in (nonce, response, cnonce, session):
        assert secret.lower() not in answer
    assert "timeout=60" in answer
    assert "digest" in answer


@pytest.mark.parametrize(
    "path",
    [
        "/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp",
        "/user=admin&password=tlJwpbo6&channel=1",
        "/live?token=tlJwpbo6",
        "/tlJwpbo6tlJwpbo6",
    ],
)
def test_a_login_in_the_path_is_one_too(path: str) -> None:
    secrets = SecretFilter.of(parse_rtsp(f"rtsp://192.168.1.9{path}"))
    assert "tlJwpbo6" not in secrets.hide(f"SETUP rtsp://192.168.1.9{path}/trackID=1 RTSP/1.0")


def test_what_tells_a_quirk_stays() -> None:
    secrets = SecretFilter.of(parse_rtsp("rtsp://admin:hunter22@192.168.1.9/h264Preview_01_main"))
    text = "Content-Base: rtsp://192.168.1.9/h264Preview_01_main/\na=fmtp:96 sprop-parameter-sets=Z0IAKeKQFA==,aM48gA=="
    assert secrets.hide(text) == text


@settings(deadline=None)
@given(some.sampled_from(["192.168.7.23", "cam.garden.example", "fd00::12:34"]))
def test_where_it_is_is_hidden_if_wanted(host: str) -> None:
    shown = f"[{host}]" if ":" in host else host
    text = (
        f"Content-Base: rtsp://{shown}:554/live/\no=- 0 0 IN IP4 10.0.0.17\nc=IN IP4 {host}\nTransport: source={host}"
    )
    result = strip_locations(text, host)
    assert host not in result
    assert "10.0.0.17" not in result
    assert "/live/" in result
    assert "Transport: source=…" in result


def test_versions_stay() -> None:
    assert strip_locations("Server: Rtsp Server/2.4.1.9", "cam") == "Server: Rtsp Server/2.4.1.9"
