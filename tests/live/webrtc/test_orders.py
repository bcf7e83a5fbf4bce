import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.live.webrtc.viewer_session import (
    CHANNEL,
    InvalidPlaybackCommand,
    PlaybackCommand,
    PlaybackCommands,
    read_order,
)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ('{"at_ms": 1795000000000}', PlaybackCommand(at_ms=1_795_000_000_000)),
        ('{"at_ms": 5.0, "rate": 0.5, "pause": true}', PlaybackCommand(5, 0.5, True)),
        ('{"rate": 32}', PlaybackCommand(rate=32.0)),
        ('{"pause": false}', PlaybackCommand(pause=False)),
        ('{"live": true, "at_ms": 5}', PlaybackCommand(live=True)),
        ("{}", PlaybackCommand()),
    ],
)
def test_what_is_asked_for_is_understood(text: str, order: PlaybackCommand) -> None:
    assert read_order(text) == order


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"at_ms": "noon"}',
        '{"at_ms": true}',
        '{"at_ms": -1}',
        '{"at_ms": 1e99}',
        '{"at_ms": NaN}',
        '{"rate": 0}',
        '{"rate": 33}',
        '{"rate": 0.4}',
        '{"rate": Infinity}',
        '{"pause": 1}',
        '{"volume": 3}',
        '{"pause": null}',
        "[" * 900,
        '{"at_ms": 5' + " " * 2000 + "}",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlaybackCommand):
        read_order(text)


@given(st.text(max_size=100))
def test_any_text_is_an_order_or_is_refused(text: str) -> None:
    try:
        read_order(text)
    except InvalidPlaybackCommand:
        return


async def test_of_many_places_the_last_one_alone_is_gone_to() -> None:
    orders = PlaybackCommands()
    for at_ms in range(100):
        orders.on_text(CHANNEL, f'{{"at_ms": {at_ms}}}')
    orders.on_text(CHANNEL, '{"pause": true}')
    orders.on_text("another", '{"at_ms": 5}')
    assert await orders.next() == (PlaybackCommand(at_ms=99, pause=True), "")
    waiting = asyncio.create_task(orders.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    orders.on_text(CHANNEL, "what?")
    order, wrong = await waiting
    assert order is None
    assert wrong


def test_live_is_forgotten_for_a_place_and_a_place_for_live() -> None:
    assert PlaybackCommand(live=True).then(PlaybackCommand(at_ms=5)) == PlaybackCommand(at_ms=5)
    assert PlaybackCommand(at_ms=5, rate=2.0).then(PlaybackCommand(live=True)) == PlaybackCommand(live=True)
    assert PlaybackCommand(live=True).then(PlaybackCommand(pause=True)).live
