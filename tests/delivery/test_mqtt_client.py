"""The MQTT client against a broker that is told when to acknowledge."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest
from paho.mqtt.client import Client

from tawny.delivery import mqtt_client
from tawny.delivery.mqtt_client import EXAMPLE, MqttClient
from tawny.delivery.notifier import Attachment, Message, MessageRefused, NotifierContext, parse
from tawny.delivery.notifiers.mqtt import MqttNotifier
from tawny.model.errors import DeliveryError, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.delivery.broker import served

CONNECT, PUBLISH = 1, 3


class SlowBroker:
    """Takes every client. `acknowledges`: whether messages are acknowledged, the waiting ones included.

    answer: its code for who connects; 0: welcome. lines: of all clients.
    """

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self.ids: list[str] = []
        self.answer, self.lines = 0, list[socket.socket]()
        self.published: list[bytes] = []
        self.acknowledges = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.acknowledges.set()
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._door.accept()
                self.lines.append(line)
                threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with suppress(OSError), line, line.makefile("rb") as packets:
            while head := packets.read(2):  # lengths below 128 bytes have one byte
                body = packets.read(head[1])
                if head[0] >> 4 == CONNECT:
                    self.ids.append(body[12 : 12 + int.from_bytes(body[10:12])].decode())
                    line.sendall(bytes([0x20, 2, 0, self.answer]))
                elif head[0] >> 4 == PUBLISH:
                    size = int.from_bytes(body[:2])
                    self.published.append(body[4 + size :])
                    self.acknowledges.wait()
                    line.sendall(b"\x40\x02" + body[2 + size : 4 + size])


@pytest.fixture
def broker() -> Iterator[SlowBroker]:
    made = SlowBroker()
    yield made
    made.close()


@pytest.fixture
def client(broker: SlowBroker) -> Iterator[MqttClient]:
    made = connected(broker)
    yield made
    broker.acknowledges.set()
    made.close()


def connected(broker: SlowBroker) -> MqttClient:
    return MqttClient(parse(f"mqtt://127.0.0.1:{broker.port}/tawny", EXAMPLE), "the broker")


def test_each_connection_has_an_id_of_its_own(broker: SlowBroker) -> None:
    """With an empty one, a broker that has lost sight of a client starts another session, and its will comes late."""
    for one in [connected(broker), connected(broker)]:
        one.close()
    first, second = broker.ids
    assert first.startswith("tawny-")
    assert second.startswith("tawny-")
    assert first != second
    assert len(first) <= 23, "more is not allowed of every broker"


def test_a_message_acknowledged_late_is_published_once(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 0.02)
    for _ in range(3):
        with pytest.raises(TargetUnreachable, match="acknowledged"):
            client.publish("tawny/door/event", b"one")
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 30.0)
    broker.acknowledges.set()
    client.publish("tawny/door/event", b"one")
    client.publish("tawny/door/event", b"one")
    assert broker.published == [b"one", b"one"], "the second is another event of the same content"


def test_no_copy_of_a_late_state_waits_behind_it(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each further image filled a slow line for longer than the one before took."""
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 0.02)
    for state in (b"ON", b"ON", b"OFF"):
        with pytest.raises(TargetUnreachable):
            client.publish("tawny/door/motion", state, retain=True)
    until(lambda: broker.published == [b"ON"], 60, "the first")
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 30.0)
    broker.acknowledges.set()
    for state in (b"OFF", b"ON"):
        client.publish("tawny/door/motion", state, retain=True)
    assert broker.published == [b"ON", b"OFF", b"ON"], "the last state is the last one published"


def test_a_large_message_has_longer(broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow line needs longer for it, and for what comes behind it."""
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 0.0)
    monkeypatch.setattr(mqtt_client, "SLOWEST_BPS", 0.5)
    threading.Timer(0.1, broker.acknowledges.set).start()
    client.publish("tawny/door/picture", b"0123456789" * 5, retain=True)


def test_what_was_acknowledged_late_is_published_again_after_a_reconnect(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker may have lost it."""
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 0.02)
    with pytest.raises(TargetUnreachable):
        client.publish("tawny/door/event", b"one")
    broker.acknowledges.set()
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 30.0)
    client.publish("tawny/door/alert", b"ON", retain=True)  # acknowledged behind the other one
    monkeypatch.setattr(Client, "_reconnect_wait", lambda _: None)
    broker.lines[0].shutdown(socket.SHUT_RDWR)
    until(lambda: len(broker.ids) == 2 and client.is_connected, 60, "the next connection")
    client.publish("tawny/door/event", b"one")
    assert broker.published == [b"one", b"ON", b"one"]


def test_a_state_acknowledged_late_is_published_again(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The will of an earlier connection may have replaced it: the status stayed offline."""
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 0.02)
    with pytest.raises(TargetUnreachable):
        client.publish("tawny/status", b"online", retain=True)
    broker.acknowledges.set()
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 30.0)
    client.publish("tawny/door/alert", b"ON", retain=True)  # acknowledged behind the other one
    client.publish("tawny/status", b"online", retain=True)
    assert broker.published == [b"online", b"ON", b"online"]


def test_a_lost_connection_ends_the_wait(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 60.0)
    monkeypatch.setattr(mqtt_client, "LOOK_S", 0.02, raising=False)
    failed = threading.Event()

    def publish() -> None:
        with suppress(TargetUnreachable):
            client.publish("tawny/door/picture", b"0123456789", retain=True)
        failed.set()

    threading.Thread(target=publish, daemon=True).start()
    until(lambda: broker.published == [b"0123456789"], 60, "the message")
    broker.answer = 5  # refused when it comes again
    broker.lines[0].shutdown(socket.SHUT_RDWR)
    until(failed.is_set, 10, "the failure")


def test_no_message_has_longer_than_two_minutes(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mqtt_client.LONGEST_S == 120
    monkeypatch.setattr(mqtt_client, "LONGEST_S", 0.02)
    with pytest.raises(TargetUnreachable, match="acknowledged"):
        client.publish("tawny/door/picture", b"0123456789", retain=True)


def test_a_message_that_the_library_refuses_stops_no_other(broker: SlowBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 0.02)
    monkeypatch.setattr(mqtt_client, "MOST_QUEUED", 1)
    client = connected(broker)
    with pytest.raises(TargetUnreachable):
        client.publish("tawny/one", b"1")
    for _ in range(2):
        with pytest.raises(DeliveryError, match="queue"):
            client.publish("tawny/two", b"2")
    monkeypatch.setattr(mqtt_client, "TIMEOUT_S", 30.0)
    broker.acknowledges.set()
    client.publish("tawny/one", b"1")
    client.publish("tawny/two", b"2")
    assert broker.published == [b"1", b"2"]
    client.close()


def test_a_broker_that_refuses_a_reconnect_is_not_just_lost(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.why_lost().message == "the broker isn't responding (the connection is lost)."
    monkeypatch.setattr(Client, "_reconnect_wait", lambda _: None)
    broker.answer = 5
    broker.lines[0].shutdown(socket.SHUT_RDWR)
    until(lambda: isinstance(client.why_lost(), TargetRefused), 60, "the refusal")
    assert client.why_lost().message == "the broker rejected the sign-in (Not authorized)."


def test_a_certificate_that_has_expired_since_the_first_connection_is_named(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "certificate has expired"
    monkeypatch.setattr(Client, "_reconnect_wait", lambda _: None)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "reconnect", Mock(side_effect=error))
        broker.lines[0].shutdown(socket.SHUT_RDWR)
        until(lambda: "its certificate isn't valid: certificate has expired" in client.why_lost().message, 60, "it")
    until(lambda: client.is_connected, 60, "the new certificate to be used")
    assert client.why_lost().message == "the broker isn't responding (the connection is lost)."


def test_a_certificate_that_is_not_trusted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It read as a broker that does not answer."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    monkeypatch.setattr(Client, "connect", Mock(side_effect=error))
    with pytest.raises(TargetUnreachable, match="its certificate isn't valid: self-signed certificate"):
        MqttClient(parse("mqtts://127.0.0.1/tawny", EXAMPLE), "the broker")


def test_many_states_wait_for_their_acknowledgements_together(
    broker: SlowBroker, client: MqttClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time, the state of thirty cameras took a far broker 47 s."""
    states, done = [(f"tawny/{number}", b"ON") for number in range(15)], list[str]()
    publish = Mock(side_effect=Client.publish)
    monkeypatch.setattr(Client, "publish", lambda *args, **more: publish(*args, **more))
    sender = threading.Thread(
        target=client.publish_states, args=(iter(states), lambda topic, _payload: done.append(topic)), daemon=True
    )
    sender.start()
    until(lambda: publish.call_count == 15, 60, "all sent")
    assert done == []
    broker.acknowledges.set()
    sender.join(60)
    assert done == [topic for topic, _ in states]


def test_a_broker_that_hangs_up_at_a_picture_gets_the_text(tmp_path: Path) -> None:
    """A real broker with a limit of the size of messages, as hosted ones have."""
    with served(tmp_path, "secret", "max_packet_size 20000") as there:
        url = f"mqtt://tawny:secret@127.0.0.1:{there.port}/tawny/messages"
        heard = list[tuple[str, bytes]]()
        listener = MqttClient(
            parse(url, EXAMPLE), "the listener",
            on_message=lambda topic, payload, is_retained: heard.append((topic, payload)),
        )  # fmt: skip
        listener.subscribe("tawny/messages/#")
        sender = MqttNotifier().open(NotifierContext("hook", url, {}, FakeClock()))
        message = Message("1", "event", "Person", "At the door", 0)
        with pytest.raises(MessageRefused, match="it hung up at a picture of 30000 bytes"):
            sender.send(message, Attachment("event.jpg", "image/jpeg", bytes(30_000)))
        sender.send(message, None)
        until(lambda: bool(heard), 60, "the text")
        sender.close()
        listener.close()
    assert [topic for topic, _ in heard] == ["tawny/messages"]
