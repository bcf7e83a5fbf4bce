"""The bus: who subscribes to a type of message gets that alone, in the order of subscribing."""

from typing import get_args

import pytest

from tawny.engine import Bus
from tawny.model.ids import CameraId
from tawny.model.messages import ActionPlanned, CameraTurned, Message, PartDied

TURNED = CameraTurned(CameraId("door"), 1, 2)
DIED = PartDied("watch door", "killed")


def test_a_listener_gets_the_type_it_subscribed_to_and_no_other() -> None:
    bus, heard = Bus(), list[Message]()
    bus.subscribe(CameraTurned, heard.append)
    bus.publish(DIED)
    bus.publish(TURNED)
    assert heard == [TURNED]


@pytest.mark.parametrize("kind", get_args(Message))
def test_a_listener_of_all_gets_every_type(kind: type[Message]) -> None:
    bus, heard = Bus(), list[Message]()
    bus.subscribe_all(heard.append)
    message = kind.__new__(kind)
    bus.publish(message)
    assert len(heard) == 1
    assert heard[0] is message


def test_listeners_are_called_in_the_order_in_which_they_subscribed() -> None:
    bus, called = Bus(), list[str]()
    bus.subscribe(PartDied, lambda _: called.append("first"))
    bus.subscribe_all(lambda _: called.append("second"))
    bus.subscribe(PartDied, lambda _: called.append("third"))
    bus.publish(DIED)
    assert called == ["first", "second", "third"]


def test_one_subscription_ends_and_the_same_listeners_other_one_stays() -> None:
    bus, heard = Bus(), list[Message]()
    end = bus.subscribe(CameraTurned, heard.append)
    bus.subscribe(PartDied, heard.append)
    end()
    for message in (TURNED, DIED):
        bus.publish(message)
    assert heard == [DIED]


def test_a_message_that_nobody_subscribed_to_is_dropped() -> None:
    bus = Bus()
    bus.publish(ActionPlanned(1))
    assert len(bus) == 0
