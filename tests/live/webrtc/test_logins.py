import base64
import hashlib
import hmac

from tawny.config.settings import LiveSettings, TurnServerSettings
from tawny.live.webrtc.ice_servers import LOGIN_LASTS_S, ice_servers, login_at
from tawny.testing.clock import FakeClock


def test_a_login_at_ones_own_server_ends_by_itself() -> None:
    clock = FakeClock()
    name, password = login_at(TurnServerSettings(url="turn:t:3478", secret="north"), "anna", clock)
    ends, who = name.split(":")
    assert int(ends) == clock.now_ms() // 1000 + LOGIN_LASTS_S
    assert who == "anna"
    assert base64.b64decode(password) == hmac.new(b"north", name.encode(), hashlib.sha1).digest()


def test_a_hosted_service_is_given_what_it_gave() -> None:
    assert login_at(TurnServerSettings(url="turn:t", user="u", password="p"), "anna", FakeClock()) == ("u", "p")


def test_nobody_outside_is_told_of_unless_it_is_set() -> None:
    assert ice_servers(LiveSettings(), "anna", FakeClock()) == []
    result = ice_servers(
        LiveSettings(stun=("stun:s:3478",), turn=(TurnServerSettings(url="turn:t", secret="x"),)), "anna", FakeClock()
    )
    assert [each.url for each in result] == ["stun:s:3478", "turn:t"]
    assert result[0].username == ""
    assert result[1].username.endswith(":anna")
