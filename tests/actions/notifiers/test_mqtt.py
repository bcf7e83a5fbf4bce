"""MQTT against a real broker."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tawny.actions.notifier import Sender, Telling
from tawny.actions.notifiers.mqtt import Mqtt
from tawny.model.errors import TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.contracts.notifier import GIF, JPEG, LATER, SECRET, TOLD


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Its port. It lets `tawny` in, with SECRET."""
    home = tmp_path_factory.mktemp("broker")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    people = home / "people"
    path = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path, "mosquitto is not installed: ./test installs it"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(people), "tawny", SECRET], check=True, capture_output=True)
    people.chmod(0o644)
    home.chmod(0o755)
    settings = home / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {people}\nuser root\n")
    process = subprocess.Popen([path, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port) or process.poll() is not None, 30, "the broker")
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


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
    until(lambda: ready, 30, "the subscription")
    yield found
    listener.disconnect()
    listener.loop_stop()


def opened(port: int, password: str = SECRET) -> Sender:
    url = f"mqtt://tawny:{password}@127.0.0.1:{port}/house/messages"
    return Mqtt().open(Telling("hub", url, Mqtt().settings(url, {}), FakeClock()))


def test_words_and_picture_arrive(broker: int, heard: dict[str, list[bytes]]) -> None:
    sender = opened(broker)
    receipt = sender.send(TOLD, JPEG)
    sender.edit(receipt, LATER, GIF)
    sender.close()
    until(lambda: len(heard.get("house/messages", [])) == 2, 30, "both messages")
    first, second = (json.loads(payload) for payload in heard["house/messages"])
    assert (first["id"], first["title"], first["changes"]) == (TOLD.id, TOLD.title, None)
    assert second["changes"] == TOLD.id
    assert heard["house/messages/picture"] == [JPEG.data, GIF.data]


def test_a_wrong_password_is_said(broker: int) -> None:
    with pytest.raises(TargetRefused) as refused:
        opened(broker, "wrong")
    assert "wrong" not in str(refused.value)


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(TargetUnreachable):
        opened(1)


@pytest.mark.parametrize("url", ["mqtt://h/a/#", "mqtt://h/a/+/b", "mqtt://h", "mqtt:///a"])
def test_settings_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        Mqtt().settings(url, {})


def test_user_and_password_are_nobodys_business() -> None:
    assert Mqtt().public(f"mqtts://me:{SECRET}@broker/t") == "mqtts://broker/t"
