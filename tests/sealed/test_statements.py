"""The signed history: what is stated cannot be taken back, put in another order, moved in time or stated by a thief."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.signing import canonical, read_signed, signed
from tawny.sealed.statements import (
    DAYS,
    Item,
    SigningState,
    genesis_of,
    last_of,
    lines_of,
    make_statement,
    read_days,
    read_lists,
    read_statements,
)
from tests.sealed.test_vectors import HERE

RECIPIENTS = ["0123456789abcdef"]


@dataclass
class Recorder:
    """One that states, and all that it wrote."""

    state: SigningState = field(default_factory=SigningState.first)
    files: dict[str, bytes] = field(default_factory=dict)

    def say(self, now: str, items: Sequence[Item] = ()) -> None:
        made = make_statement(self.state, items, RECIPIENTS, now)
        self.state = made.state
        for name, line in made.lines:
            self.files[name] = self.files.get(name, b"") + line + b"\n"

    @property
    def genesis(self) -> str:
        return genesis_of(self.files[DAYS])

    def proved(self, day: str, text: bytes | None = None) -> list[str]:
        """The times of a day's statements."""
        days = read_days(self.files[DAYS], self.genesis)
        return [one.time for one in read_statements(days[day], text or self.files[f"{day}.jsonl"])]


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    made = Recorder()
    for minute in (0, 10, 20):
        made.say(f"2026-11-20T23:{minute:02}:00.000Z", [["file", "door", minute]])
    made.say("2026-11-21T00:05:00.000Z", [["file", "door", 30]])
    return made


def test_what_was_stated_is_proved_over_midnight(recorder: Recorder) -> None:
    assert [time[11:16] for time in recorder.proved("2026-11-20")] == ["23:00", "23:10", "23:20"]
    assert len(recorder.proved("2026-11-21")) == 1
    days = read_days(recorder.files[DAYS], recorder.genesis)
    last = read_statements(days["2026-11-20"], recorder.files["2026-11-20.jsonl"])[-1]
    assert last_of(days, "2026-11-20") == last.hash
    assert last_of(days, "2026-11-21") is None
    lists = dict(read_lists(recorder.files["2026-11-20.list"], [last]))
    assert lists == {last: [["file", "door", 20]]}


def test_the_vectors_chain() -> None:
    folder = HERE / "export"
    days = read_days((folder / "chain-days.jsonl").read_bytes(), (HERE / "export-genesis.txt").read_text().strip())
    for day in days:
        statements = read_statements(days[day], (folder / f"chain-{day}.jsonl").read_bytes())
        assert last_of(days, day) in (None, statements[-1].hash)
        listed = list(read_lists((folder / f"chain-{day}.list").read_bytes(), statements))
        assert [statement.n for statement, _ in listed] == [statement.n for statement in statements]


def test_another_recorder_is_not_believed(recorder: Recorder) -> None:
    with pytest.raises(SealedFileBroken, match="another recorder"):
        read_days(recorder.files[DAYS], Recorder().state.signer.public)


def test_stated_times_never_go_back() -> None:
    made = Recorder()
    for now in ("2026-11-20T05:00:00.000Z", "2026-11-20T05:10:00.000Z", "2026-11-19T05:00:00.000Z"):
        made.say(now)
    assert [time[11:16] for time in made.proved("2026-11-20")] == ["05:00", "05:10", "05:10"]
    data = {"v": 1, "n": 3, "list": "", "recipients": [], "prev": made.state.prev, "next": ""}
    for time, is_believed in (("04:00", False), ("05:11", True)):
        line = signed(data | {"time": f"2026-11-20T{time}:00.000Z"}, b"statement", made.state.key)
        text = made.files["2026-11-20.jsonl"] + line + b"\n"
        if is_believed:
            assert len(made.proved("2026-11-20", text)) == 4
        else:
            with pytest.raises(SealedFileBroken, match="chain of statements"):
                made.proved("2026-11-20", text)


@pytest.mark.parametrize("order", [[1, 2], [0, 2], [1, 0, 2], [0, 1, 1, 2], [0, 0, 1, 2]])
def test_statements_left_out_or_in_another_order(recorder: Recorder, order: list[int]) -> None:
    lines = lines_of(recorder.files["2026-11-20.jsonl"])
    with pytest.raises(SealedFileBroken, match="chain of statements"):
        recorder.proved("2026-11-20", b"".join(lines[at] + b"\n" for at in order))


def test_statements_cut_off_at_the_end_of_a_day(recorder: Recorder) -> None:
    lines = lines_of(recorder.files["2026-11-20.jsonl"])
    days = read_days(recorder.files[DAYS], recorder.genesis)
    left = read_statements(days["2026-11-20"], b"".join(line + b"\n" for line in lines[:2]))
    assert last_of(days, "2026-11-20") != left[-1].hash


def test_a_thief_of_today_cannot_state_yesterday(recorder: Recorder) -> None:
    lines = lines_of(recorder.files["2026-11-20.jsonl"])
    text = read_signed(lines[2]).content | {"time": "2026-11-20T23:15:00.000Z"}
    for key in (recorder.state.key, recorder.state.day_next):
        forged = b"\n".join([*lines[:2], signed(text, b"statement", key), b""])
        with pytest.raises(SealedFileBroken, match="chain of statements"):
            recorder.proved("2026-11-20", forged)
    days = lines_of(recorder.files[DAYS])
    text = read_signed(days[1]).content | {"key": recorder.state.signer.public}
    for key in (recorder.state.key, recorder.state.day_next):
        with pytest.raises(SealedFileBroken, match="chain of days"):
            read_days(b"\n".join([days[0], signed(text, b"day", key), b""]), recorder.genesis)


@given(st.data())
def test_a_bit_changed_anywhere(data: st.DataObject) -> None:
    made = made_once()
    name = data.draw(st.sampled_from([DAYS, "2026-11-20.jsonl"]))
    text = bytearray(made.files[name])
    text[data.draw(st.integers(0, len(text) - 2))] ^= 1 << data.draw(st.integers(0, 7))  # the last one ends the line
    with pytest.raises(SealedFileBroken):
        read_days(bytes(text), made.genesis) if name == DAYS else made.proved("2026-11-20", bytes(text))


@cache
def made_once() -> Recorder:
    made = Recorder()
    made.say("2026-11-20T05:00:00.000Z")
    made.say("2026-11-21T05:00:00.000Z")
    return made


@pytest.mark.parametrize("change", [bytes.upper, lambda line: line.replace(b":", b": ", 1), lambda line: line + b" "])
def test_what_is_signed_can_be_written_in_one_way_only(recorder: Recorder, change) -> None:  # type: ignore[no-untyped-def]
    line = lines_of(recorder.files["2026-11-20.jsonl"])[0]
    with pytest.raises(SealedFileBroken):
        read_signed(change(line))
    read_signed(line)


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(SealedFileBroken):
        read_signed(b'{"a":1,"a":2,"sig":"00"}')


@given(st.binary(max_size=300))
def test_no_junk_hurts(junk: bytes) -> None:
    for text in (junk, junk + b"\n", b'{"sig":"' + junk + b'"}\n'):
        with pytest.raises(SealedFileBroken):
            read_days(text, "00" * 32)


def test_a_list_that_nobody_signed_is_not_read(recorder: Recorder) -> None:
    days = read_days(recorder.files[DAYS], recorder.genesis)
    statements = read_statements(days["2026-11-20"], recorder.files["2026-11-20.jsonl"])
    assert list(read_lists(canonical([["file", "door", 99]]) + b"\n", statements)) == []


def test_private_keys_are_forgotten_as_they_move_on(recorder: Recorder) -> None:
    made = Recorder()
    before = [made.state.key, made.state.day_next]
    made.say("2026-11-20T05:00:00.000Z")
    kept = canonical(made.state.record())
    for key in before:
        assert key.private_bytes_raw().hex().encode() not in kept
    assert SigningState.read(made.state.record()).signer.public == made.state.signer.public
    with pytest.raises(SealedFileBroken, match="signing keys"):
        SigningState.read({"n": 1})
