import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.sources.network_address import NetworkAddress, parse_network, parse_rtsp, public_address, stream_key

SECRET = "t0p-s3cret"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("rtsp://cam/live", NetworkAddress("cam", 554, "/live")),
        ("RTSP://cam", NetworkAddress("cam", 554, "/")),
        ("rtsp://cam?channel=1", NetworkAddress("cam", 554, "/?channel=1")),
        ("rtsp://10.0.0.7:8554/a/b?c=d&e=f", NetworkAddress("10.0.0.7", 8554, "/a/b?c=d&e=f")),
        ("rtsp://[fd00::1]:554/x", NetworkAddress("fd00::1", 554, "/x")),
        ("rtsp://[FD00:0::1]/x", NetworkAddress("fd00::1", 554, "/x")),
        ("rtsp://me:pw@cam/", NetworkAddress("cam", 554, "/", "me", "pw")),
        ("rtsp://me:p%40w%3A%2F@cam/", NetworkAddress("cam", 554, "/", "me", "p@w:/")),
        ("rtsp://me:p@w:d#1@cam/x", NetworkAddress("cam", 554, "/x", "me", "p@w:d#1")),
        ("rtsp://me@cam/x", NetworkAddress("cam", 554, "/x", "me", "")),
        ("rtsp://cam/with space/ä", NetworkAddress("cam", 554, "/with%20space/%C3%A4")),
        ("rtsp://cam/a%20b", NetworkAddress("cam", 554, "/a%20b")),
        ("rtsps://cam/live", NetworkAddress("cam", 322, "/live", is_encrypted=True)),
        ("RTSPS://me:pw@cam:8322/live", NetworkAddress("cam", 8322, "/live", "me", "pw", is_encrypted=True)),
    ],
)
def test_an_address_is_taken_apart(text: str, parsed: NetworkAddress) -> None:
    assert parse_rtsp(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "http://cam/live",
        "rtspx://cam/live",
        "rtsp:///live",
        "rtsp://me:pw@/live",
        "rtsp://cam:0/",
        "rtsp://cam:65536/",
        "rtsp://cam:5x4/",
        "rtsp://[fd00::1/x",
        "rtsp://[::g]/x",
        "rtsp://[::1]x/",
        "rtsp://ca m/",
        "rtsp://-cam/",
        "rtsp://cam/\r\nSETUP",
        "rtsp://me:p%0d%0aw@cam/",
        "rtsp://cam/" + "x" * 3000,
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a") as refused:
        parse_rtsp(text)
    assert "pw" not in str(refused.value)


def test_the_url_of_requests_has_no_login_and_the_other_can_be_read_again() -> None:
    address = parse_rtsp(f"rtsp://m%40e:{SECRET}%3A@[::1]:99/x?y=z")
    assert address.url == "rtsp://[::1]:99/x?y=z"
    assert parse_rtsp(address.url_with_login) == address


@pytest.mark.parametrize(
    "text",
    [
        f"rtsp://me:{SECRET}@cam/x",
        f"rtsp://{SECRET}@cam/x",
        f"rtsp://me:a@b:{SECRET}@cam:99999/x",
        f"rtsp://me:{SECRET}@bad host/",
        f"rtsp://cam/user=admin&password={SECRET}&channel=1.sdp",
        f"rtsp://cam/x?token={SECRET}",
        f"http://hub/api/camera_proxy_stream/camera.door?access_token={SECRET}",
        f"http://cam/videostream.cgi?loginuse=admin&loginpas={SECRET}",
        f"rtsp://cam/x?user=admin&psw={SECRET}",
        f"rtsp://cam/x?api_token={SECRET}",
        f"me:{SECRET}@cam",
        f"http://server:1984/api/stream.mp4?src=rtsp://me:{SECRET}@cam/x",
        f"http://relay/me:{SECRET}@192.168.1.5/7.ts",
        f"http://server:1984/api/stream.mp4?src=rtsp%3A%2F%2Fme%3A{SECRET}%40cam%2Fx",
        f"http://proxy/http://:{SECRET}@cam/x",
    ],
)
def test_nothing_public_shows_a_secret(text: str) -> None:
    assert SECRET not in public_address(text)


KEY = "s3cretOfTheEncoder"


@pytest.mark.parametrize("end", ["", "/", "//", "/x", "?x=/", "/?x"])
@pytest.mark.parametrize("begin", ["", "live/", "live/sub/"])
def test_a_stream_key_is_shown_nowhere(begin: str, end: str) -> None:
    """An address that ends in `/` showed it in logs and on pages, as what follows the last `/` was left out."""
    assert KEY not in public_address(f"rtmp-listen://0.0.0.0:1935/{begin}{KEY}{end}")


def test_a_stream_key_is_found_before_slashes_at_the_end() -> None:
    assert stream_key(f"rtmp-listen://0.0.0.0:1935/live/{KEY}/") == KEY
    assert public_address(f"rtmp-listen://0.0.0.0:1935/live/{KEY}/") == "rtmp-listen://0.0.0.0:1935/live/•••"


def test_a_password_of_another_address_in_the_path_is_hidden_from_reports() -> None:
    address = parse_network(f"http://server:1984/api/stream.mp4?src=rtsp%3A%2F%2Fme%3A{SECRET}%40cam%2Fx")
    assert address.public == "http://server:1984/api/stream.mp4?src=rtsp%3A%2F%2Fme%3A•••%40cam%2Fx"
    assert SECRET in address.words_in_path


@pytest.mark.parametrize(
    "path", [f"0/admin:{SECRET}/main", f"12/1me%3A{SECRET}/x", f"a?loginpas={SECRET}", f"a?pw={SECRET}"]
)
def test_a_password_in_the_path_is_hidden(path: str) -> None:
    address = parse_network(f"rtsp://10.0.0.2/{path}")
    assert (SECRET in address.public, address.words_in_path) == (False, [SECRET])


@pytest.mark.parametrize("password", ["1", "123", "p&q;r"])
def test_any_password_after_a_number_and_a_user_is_hidden(password: str) -> None:
    address = parse_network(f"rtsp://10.0.0.2/0/admin:{password}/main")
    assert (address.public, address.words_in_path) == ("rtsp://10.0.0.2/0/admin:•••/main", [password])


@pytest.mark.parametrize(
    "path",
    [
        "stream:1/main",
        "h264:1920x1080",
        "vod/mp4:sample.mp4",
        "cam/ch0:main",
        "onvif:profile_1?x=1",
        "stream:video/live",
    ],
)
def test_what_else_follows_a_colon_is_no_password(path: str) -> None:
    address = parse_network(f"rtsp://10.0.0.2/{path}")
    assert (address.public, address.words_in_path) == (f"rtsp://10.0.0.2/{path}", [])


def test_the_public_address_says_which_camera() -> None:
    assert public_address("rtsp://me:pw@cam:8554/a?channel=2") == "rtsp://cam:8554/a?channel=2"


def test_a_password_is_not_in_the_value_as_shown() -> None:
    assert SECRET not in repr(parse_rtsp(f"rtsp://me:{SECRET}@cam/"))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for tried in (text, f"rtsp://{text}"):
        try:
            address = parse_rtsp(tried)
        except ValueError:
            continue
        assert all(c.isprintable() and c != " " for c in address.url)
        assert parse_rtsp(address.url_with_login) == address


def test_an_encrypted_address_stays_one() -> None:
    address = parse_rtsp("rtsps://me:pw@cam/live")
    assert address.url == "rtsps://cam/live"
    assert address.public == "rtsps://cam/live"
    assert parse_rtsp(address.url_with_login) == address
