import pytest
from pydantic import ValidationError

from tawny.config.settings import LiveSettings, TurnServerSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://turn.example.org", "secret": "x"},
        {"url": "turn:t:3478"},
        {"url": "turn:t:3478", "secret": "x", "user": "u"},
        {"url": "turn:t:3478?transport=sctp", "secret": "x"},
    ],
)
def test_a_turn_server_has_an_address_and_one_login(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TurnServerSettings.model_validate(wrong)


@pytest.mark.parametrize("url", ["turn:t:3478", "turn:t", "turns:t:5349?transport=tcp", "turn:[::1]:3478"])
def test_addresses_of_turn_servers(url: str) -> None:
    assert TurnServerSettings(url=url, secret="x").url == url


def test_addresses_outside_are_addresses() -> None:
    assert LiveSettings(addresses=("203.0.113.5", "2001:db8::1")).addresses
    with pytest.raises(ValidationError):
        LiveSettings(addresses=("my-house",))
    with pytest.raises(ValidationError):
        LiveSettings(stun=("http://x",))
