"""Notifiers in the settings: what cannot be is refused with its path, and never with a secret."""

import pytest

from tawny.config.settings import Settings
from tawny.model.errors import SettingsError
from tawny.service.plugin_registry import PluginRegistry

SECRET = "pLantedS3cret"


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ({"url": f"telegram://{SECRET}"}, "notifiers.phone"),
        ({"url": f"telegram://1:{SECRET}@chat"}, "notifiers.phone"),
        ({"url": f"pigeon://{SECRET}@loft"}, "notifiers.phone.url"),
        ({"url": f"smtps://me:{SECRET}@mail.example.org"}, "notifiers.phone"),
        ({"url": f"ntfy://:{SECRET}@ntfy.sh"}, "notifiers.phone"),
        ({"url": f"slack://{SECRET}"}, "notifiers.phone"),
        ({"url": f"matrix://:{SECRET}@h/room"}, "notifiers.phone"),
        ({"url": f"discord://x/{SECRET}"}, "notifiers.phone"),
        ({"url": f"gotify://{SECRET}@h"}, "notifiers.phone"),
        ({"url": f"webhook+https://h/x?{SECRET} y"}, "notifiers.phone"),
        ({"url": f"mqtt://me:{SECRET}@h/#"}, "notifiers.phone"),
        ({"url": f"pushover://{SECRET}!@user"}, "notifiers.phone"),
        ({"url": "webpush:nobody"}, "notifiers.phone"),
        ({"url": f"ntfy://:{SECRET}@ntfy.sh/t", "colour": SECRET}, "notifiers.phone"),
        ({"url": "ntfy://ntfy.sh/t", "cameras": ["attic"]}, "notifiers.phone.cameras"),
    ],
)
def test_a_notifier_that_cannot_be_is_refused(table: dict[str, object], path: str) -> None:
    settings = Settings.model_validate({"notifiers": {"phone": table}})
    with pytest.raises(SettingsError) as refused:
        PluginRegistry.opened().check(settings, "tawny.toml")
    assert [problem.path for problem in refused.value.problems] == [path]
    assert SECRET not in str(refused.value)


def test_a_name_is_of_one_target_only() -> None:
    both = {"destinations": {"nas": {"url": "folder:/tmp"}}, "notifiers": {"nas": {"url": "ntfy://ntfy.sh/t"}}}
    with pytest.raises(SettingsError, match="already used by a destination"):
        PluginRegistry.opened().check(Settings.model_validate(both), "tawny.toml")


@pytest.mark.parametrize(
    "url",
    [
        "ntfy://ntfy.sh/t",
        "telegram://1:abc@-5",
        "slack://T0/B0/x",
        "slack://xoxb-1@C1",
        "discord://1/abc",
        "pushover://token@user",
        "gotify://:t@h/below",
        "matrix://:t@h/!r:h",
        "mqtts://u:p@h/a/b",
        "webhook+https://h/x?y=z",
        "webpush:me@example.org",
    ],
)
def test_what_the_documentation_shows_is_taken(url: str) -> None:
    settings = Settings.model_validate({"notifiers": {"phone": {"url": url}}})
    PluginRegistry.opened().check(settings, "tawny.toml")
    kind = PluginRegistry.opened().notifier_of(url)
    assert kind
    assert kind.traits(url).shows
