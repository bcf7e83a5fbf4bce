"""Parts behind entry points: loaded late, and what is broken harms nobody else."""

import threading
from contextlib import suppress
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from tawny.engine import plugins
from tawny.engine.actor import Supervised
from tawny.engine.plugins import PluginBroken, PluginGroup, load, plug_in_code
from tawny.model.times import SystemClock
from tawny.testing.clock import FakeClock


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [EntryPoint("good", "collections:OrderedDict", "g"), EntryPoint("bad", "tawny_missing:Part", "g")]
    monkeypatch.setattr(plugins, "installed_entry_points", lambda group: EntryPoints(entries if group == "g" else ()))


def test_a_part_is_made_once_and_only_when_asked_for() -> None:
    made: list[object] = []

    def make(kind: type) -> object:
        made.append(kind)
        return kind()

    parts = PluginGroup("g", make)
    assert "good" in parts
    assert made == []
    assert parts["good"] is parts["good"]
    assert len(made) == 1


def test_two_threads_that_ask_first_get_the_same_part() -> None:
    both, found = threading.Barrier(2), list[object]()

    def make(kind: type) -> object:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)  # a second one comes here only if the first doesn't keep it out
        return kind()

    parts = PluginGroup("g", make)
    threads = [threading.Thread(target=lambda: found.append(parts["good"])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]


def test_no_part_of_tawny_and_no_unknown_name_waits_for_a_plug_in(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [EntryPoint("own", "tawny.model.times:SystemClock", "g"), EntryPoint("slow", "collections:deque", "g")]
    monkeypatch.setattr(plugins, "installed_entry_points", lambda _: EntryPoints(entries))
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def make(kind: type) -> object:
        if kind is not SystemClock:
            begun.set()
            may_end.wait(1)
            ended.set()
        return kind

    parts = PluginGroup("g", make)
    thread = threading.Thread(target=lambda: parts["slow"])
    thread.start()
    begun.wait()
    assert parts["own"] is SystemClock
    with pytest.raises(KeyError):
        parts["none"]
    assert not ended.is_set()
    may_end.set()
    thread.join()


def test_a_broken_part_is_named_and_left_out() -> None:
    parts = PluginGroup("g")
    with pytest.raises(KeyError):
        parts["bad"]
    assert [one.name for one in parts.broken] == ["bad"]
    assert list(parts) == ["good"]


def test_everything_at_once() -> None:
    loaded, broken = load("g")
    assert list(loaded) == ["good"]
    assert "tawny_missing" in broken[0].error


def test_order_is_as_wanted() -> None:
    assert list(PluginGroup("g", first=("good",))) == ["good", "bad"]


def test_a_part_that_exits_is_left_out_like_any_broken_one() -> None:
    def make(_: type) -> None:
        raise SystemExit(3)

    parts = PluginGroup("g", make)
    with pytest.raises(KeyError, match="good: SystemExit: 3"):
        parts["good"]
    assert list(parts) == ["bad"]


def test_no_plug_in_takes_the_place_of_a_part_of_tawny(monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = EntryPoint("one", "tawny.model.times:SystemClock", "g"), EntryPoint("one", "collections:deque", "g")
    for order in ([own, other], [other, own]):
        monkeypatch.setattr(plugins, "installed_entry_points", lambda _, order=order: EntryPoints(order))
        parts = PluginGroup("g")
        assert parts["one"] is SystemClock
        assert parts.left_out == [PluginBroken("one", "the name is taken by tawny.model.times:SystemClock")]
        assert parts.broken == []


def test_an_actor_that_a_plug_in_ends_is_logged_with_the_place_and_without_the_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def ring() -> float:
        raise RuntimeError("hunter2")

    class Work:
        name = "work"

        def step(self) -> float:
            with plug_in_code("bell"):
                return ring()

        def close(self) -> None:
            """No resources to release."""

    Supervised("work", Work, FakeClock(), lambda name, error: None).step()
    assert (
        "work failed after 0 s and restarts: the plug-in bell failed: RuntimeError (test_plugins.py, line "
        in caplog.text
    )
    assert "hunter2" not in caplog.text
