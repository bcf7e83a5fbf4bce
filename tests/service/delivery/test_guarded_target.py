"""What a plug-in raises while it sends: a failure of its target, without the text, which may hold secrets."""

import logging
from collections.abc import Callable

import pytest

from tawny.delivery.courier import Courier, CourierStopped, DeliveryRoute
from tawny.delivery.delivery import Carrier, Delivery, DeliveryContent, DeliveryKind, in_memory
from tawny.delivery.outbox import Outbox
from tawny.engine import InlineEngine
from tawny.model.errors import ContentGone, DeliveryError
from tawny.service.delivery.guarded_target import guarded
from tawny.sources.file import FileSource
from tawny.testing.clock import FakeClock

MESSAGE = Delivery("chat", "7", DeliveryKind.MESSAGE, {"kind": "event"}, 0, 0)


class Failing:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        raise self._error

    def close(self) -> None:
        raise RuntimeError("hunter2")


def carrier(error: BaseException) -> Carrier:
    return guarded(Failing(error), Failing, "chat", "bell:hunter2")


def content(_: Delivery) -> DeliveryContent:
    return in_memory(b"", "text/plain", 0)


@pytest.mark.parametrize("error", [RuntimeError("hunter2"), SystemExit("hunter2")], ids=repr)
def test_the_courier_names_the_plug_in_and_goes_on(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    engine, outbox = InlineEngine(clock, lambda *_: None), Outbox(":memory:", clock)
    outbox.add([MESSAGE])
    courier = Courier(1, DeliveryRoute("chat", lambda: carrier(error), content), outbox, clock, lambda _: None)
    with caplog.at_level(logging.INFO):
        courier.handle.start(engine, courier.name, lambda: courier)
        engine.run_for(1.0)
    assert outbox.trouble("chat") == f"chat didn't accept it: the plug-in bell failed: {type(error).__name__}."
    assert "hunter2" not in caplog.text
    assert "restarts" not in caplog.text


@pytest.mark.parametrize("error", [ContentGone("it"), CourierStopped(), DeliveryError("chat", "full")], ids=repr)
def test_what_a_carrier_may_raise_is_left(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        carrier(error).carry(MESSAGE, content(MESSAGE), lambda _: None)
    assert raised.value is error


def test_errors_of_tawnys_own_are_left() -> None:
    inner = Failing(RuntimeError())
    assert guarded(inner, FileSource(), "chat", "file:x") is inner
