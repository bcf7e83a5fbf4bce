"""The settings as text for people who look after a recorder: what differs from the defaults, and no secret."""

from pathlib import Path

import pytest

from tawny.config.loader import known_secrets, read_settings
from tawny.config.settings import Settings
from tawny.service.diagnosis.settings_view import shown_text
from tawny.service.plugin_registry import PluginRegistry
from tests.service.diagnosis.test_bundle import SECRETS, SETTINGS

MORE = """
[cameras.yard]
source = "http://192.168.7.21/stream?user=bob&password=yardquery11"
sub = "rtsp://bob:yardsub22@192.168.7.21/sub"
onvif = "http://bob:yardonvif33@192.168.7.21/onvif"
event_api = { maker = "dahua", url = "http://bob:yard@api44@192.168.7.21" }

[notifiers.chat]
url = "telegram://123456:AAfafaf@987654321"

[webhooks.home]
url = "webhook+https://user:hookpass55@example.org/api/webhook/hookpath66?key=hookkey77"
secret = "hooksecret88hooksecret88hooksecret88"

[heartbeat]
url = "https://hc.example.org/ping/heartbeat99"

[updates]
url = "https://bob:updates10@example.org/releases?private_token=updates20"

command = ["/usr/bin/env", "PROXY=http://bob:proxypass12@proxy.lan:3128", "update-tawny"]

[hub]
database = 'postgresql://tawny:d@ta"b4se55@db.example.org/tawny?password=d4taquery'

[sign_in.oidc]
issuer = "https://id.example.org"
client_id = "tawny"
client_secret = "oidcsecret11"
"""
NEVER = (
    "metricsT0ken", "turnpassw0rd", "upl0ad", "tk_ntfy", "mqttpassw0rd", "k4mera", "dnskey4711", "dnssecret4712",
    "yardquery11", "yardsub22", "yardonvif33", "api44", "AAfafaf", "hookpass55", "hookpath66", "hookkey77",
    "hooksecret88", "heartbeat99", "updates10", "updates20", "proxypass12", "b4se55", "d4taquery", "oidcsecret11",
    "52.517", "192.168.7.33",
)  # fmt: skip


def text_of(folder: Path, settings: str) -> str:
    path, secrets = folder / "tawny.toml", folder / "secrets.toml"
    path.write_text(settings)
    secrets.write_text("".join(f'{name} = "{value}"\n' for name, value in SECRETS.items()))
    secrets.chmod(0o600)
    return shown_text(read_settings(path), PluginRegistry.opened(), known_secrets(folder, {}).values())


def test_no_secret_is_in_the_text(tmp_path: Path) -> None:
    text = text_of(tmp_path, SETTINGS + MORE)
    for secret in NEVER:
        assert secret not in text, secret
    assert 'cameras.nursery.name = "Emma\'s room"' in text
    assert "cameras.nursery.detection.threshold = 37" in text
    assert 'cameras.yard.sub = "rtsp://192.168.7.21/sub"' in text
    assert 'notifiers.chat.url = "Telegram chat 987654321"' in text


def test_no_line_is_a_default(tmp_path: Path) -> None:
    lines = text_of(tmp_path, SETTINGS + MORE).splitlines()
    assert [one for one in lines if one.startswith(("notifiers.", "webhooks."))] == [
        'notifiers.alices-phone.url = "ntfy at ntfy.example.org"',
        'notifiers.chat.url = "Telegram chat 987654321"',
        'webhooks.home.url = "the webhook at example.org"',
        'webhooks.home.secret = "(set)"',
    ]


def test_a_secret_is_replaced_wherever_it_was_entered(tmp_path: Path) -> None:
    """A name is no place where passwords are expected."""
    text = text_of(tmp_path, '[web]\nname = "by ${NTFY}"\n[cameras.front]\nsource = "demo:front"\n')
    assert 'web.name = "by (set)"' in text


@pytest.mark.parametrize("cameras", [0, 1])
def test_what_is_as_by_default_is_not_in_the_text(cameras: int) -> None:
    chosen = Settings.model_validate({"cameras": {"front": {"source": "demo:front"}} if cameras else {}})
    assert shown_text(chosen, PluginRegistry.opened(), ()) == 'cameras.front.source = "demo:front"' * cameras
