"""MQTT: a command for a silent camera delays no other, and a broker that refuses is not asked at each message."""

import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tawny.config.loader import parse_settings
from tawny.delivery.commands import EVERY, CommandIssuer, CommandRefused, PtzCommand
from tawny.model.errors import TargetRefused
from tawny.service.integrations import mqtt_topics
from tawny.service.integrations.mqtt_topics import MqttBridge, MqttTopics
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.api.fakes import make_house

SETTINGS = '[cameras.porch]\nsource = "demo:front"\n[mqtt]\nurl = "mqtt://127.0.0.1:9"\ndiscovery = ""\n'


def test_a_command_for_a_silent_camera_delays_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house, answers, done = make_house(tmp_path), threading.Event(), list[str]()
    made, problems = parse_settings(SETTINGS, {})
    assert made is not None, problems

    def do(_: CommandIssuer, order: object) -> Any:
        assert isinstance(order, EVERY)
        if isinstance(order, PtzCommand):
            assert answers.wait(10)
            if order.preset == "nowhere":
                raise CommandRefused("not_done", "The camera has no preset nowhere.", "")
        done.append(order.command)
        return Mock(words=f"{order.command} done")

    bridge = Mock()
    monkeypatch.setattr(mqtt_topics, "MqttBridge", bridge)
    topics = MqttTopics(lambda: made, house.recorder, Mock(names=("home",)), do, lambda: 0, house.clock)
    commanded, told = bridge.call_args.args[2], bridge.return_value.publish
    for preset in ("gate", "nowhere"):
        commanded("set", f'{{"command": "ptz", "camera": "porch", "preset": "{preset}"}}'.encode())
    commanded("mode/set", b"home")
    topics.step()
    assert done == ["set_mode"]
    told.assert_called_once_with("answer", {"to": "mode/set", "done": "set_mode done"})
    answers.set()
    until(lambda: told.call_count == 3)
    assert [call.args[1].get("error", {}).get("code") for call in told.call_args_list] == [None, None, "not_done"]
    assert done == ["set_mode", "ptz"]


def test_a_broker_that_refuses_is_not_asked_again_at_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    made, problems = parse_settings(SETTINGS, {})
    assert made is not None, problems
    assert made.mqtt is not None
    client = Mock(side_effect=TargetRefused("the broker", "Not authorized"))
    monkeypatch.setattr(mqtt_topics, "MqttClient", client)
    clock = FakeClock()
    bridge = MqttBridge(made.mqtt, lambda: None, lambda topic, payload: None, clock)
    wait_s = bridge.step()
    for number in range(20):
        bridge.publish("event", {"number": number})
        assert bridge.step() == pytest.approx(wait_s)
    assert client.call_count == 1
    clock.advance(wait_s + 0.01)
    bridge.step()
    assert client.call_count == 2
