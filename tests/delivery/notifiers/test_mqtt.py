"""MQTT against a real broker."""

import json
from collections.abc import Iterator

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tawny.config.integrations import MqttSettings
from tawny.delivery.notifier import NotifierConnection, NotifierContext
from tawny.delivery.notifiers.mqtt import MqttNotifier
from tawny.model.errors import TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.notifier import GIF, JPEG, LATER, SECRET, SENT
from tawny.testing.waiting import until
from tests.delivery.broker import served


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Its port. It lets `tawny` in, with SECRET."""
    with served(tmp_path_factory.mktemp("broker"), SECRET) as made:
        yield made.port


@pytest.fixture
def heard(broker: int) -> Iterator[dict[str, list[bytes]]]:
    """What arrives below `house`, by topic."""
    found: dict[str, list[bytes]] = {}
    ready: list[object] = []

    def take(_: object, __: object, message: MQTTMessage) -> None:
        found.setdefault(message.topic, []).append(bytes(message.payload))

    listener = Client(CallbackAPIVersion.VERSION2)
    listener.username_pw_set("tawny", SECRET)
    listener.on_message = take
    listener.on_subscribe = lambda *about: ready.append(about)
    listener.connect("127.0.0.1", broker)
    listener.subscribe("house/#", qos=1)
    listener.loop_start()
    until(lambda: ready, 60, "the subscription")
    yield found
    listener.disconnect()
    listener.loop_stop()


def opened(port: int, password: str = SECRET) -> NotifierConnection:
    url = f"mqtt://tawny:{password}@127.0.0.1:{port}/house/messages"
    return MqttNotifier().open(NotifierContext("hub", url, MqttNotifier().settings(url, {}), FakeClock()))


def test_words_and_picture_arrive(broker: int, heard: dict[str, list[bytes]]) -> None:
    sender = opened(broker)
    receipt = sender.send(SENT, JPEG)
    sender.edit(receipt, LATER, GIF)
    sender.close()
    until(lambda: len(heard.get("house/messages", [])) == 2, 60, "both messages")
    first, second = (json.loads(payload) for payload in heard["house/messages"])
    assert (first["id"], first["title"], first["changes"]) == (SENT.id, SENT.title, None)
    assert second["changes"] == SENT.id
    assert heard["house/messages/picture"] == [JPEG.data, GIF.data]


def test_a_wrong_password_is_said(broker: int) -> None:
    with pytest.raises(TargetRefused) as refused:
        opened(broker, "wrong")
    assert "wrong" not in str(refused.value)


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(TargetUnreachable):
        opened(1)


@pytest.mark.parametrize("url", ["mqtt://h/a/#", "mqtt://h/a/+/b", "mqtt://h", "mqtt:///a", "mqtt://u:77/p@h/a"])
def test_settings_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        MqttNotifier().settings(url, {})


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://h/a@home",
        "mqtt://h:1883/a@home",
        "mqtts://u:p@h:77/a@home",
        "mqtt://[::1]/a@home",
        "mqtt://h:1884/a@home",
    ],
)
def test_a_topic_may_have_any_sign(url: str) -> None:
    MqttNotifier().settings(url, {})
    MqttSettings.model_validate({"url": url})


def test_user_and_password_are_nobodys_business() -> None:
    assert MqttNotifier().public(f"mqtts://me:{SECRET}@broker/t") == "mqtts://broker/t"
