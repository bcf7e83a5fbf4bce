"""The lease of a recorder at its standby: every state with everything that can happen in it."""

from collections.abc import Callable

import pytest

from tawny.fleet.standby_lease import LEASE_S, RETURN_S, SETTLE_S, Lease, LeaseState

STARTED_S = 100.0
RUNNING_S = STARTED_S + SETTLE_S + 1
"""A time at which a standby that has started at STARTED_S trusts what it sees."""


def waiting() -> Lease:
    return Lease(STARTED_S)


def held() -> Lease:
    made = waiting()
    made.renew(RUNNING_S, ["front"])
    return made


def asking() -> Lease:
    made = held()
    assert made.ends(RUNNING_S + LEASE_S)
    return made


def answered() -> Lease:
    made = asking()
    made.answer(RUNNING_S + LEASE_S, is_recording=True)
    return made


def taken() -> Lease:
    made = asking()
    made.answer(RUNNING_S + LEASE_S, is_recording=False)
    return made


MADE: dict[LeaseState, Callable[[], Lease]] = {
    LeaseState.WAITING: waiting,
    LeaseState.HELD: held,
    LeaseState.ASKING: asking,
    LeaseState.ANSWERED: answered,
    LeaseState.TAKEN: taken,
}
NOW_S = RUNNING_S + LEASE_S + 0.5
"""A moment after all of these were made, within a lease."""


def renewed(lease: Lease) -> None:
    lease.renew(NOW_S, ["front"])


def connected(lease: Lease) -> None:
    lease.connect(NOW_S)


def silent(lease: Lease) -> None:
    lease.ends(NOW_S + 100)


def said_to_record(lease: Lease) -> None:
    lease.answer(NOW_S, is_recording=True)


def not_answered(lease: Lease) -> None:
    lease.answer(NOW_S, is_recording=False)


W, H, A, B, T = LeaseState.WAITING, LeaseState.HELD, LeaseState.ASKING, LeaseState.ANSWERED, LeaseState.TAKEN
TABLE: dict[LeaseState, dict[Callable[[Lease], None], LeaseState]] = {
    W: {renewed: H, connected: W, silent: A, said_to_record: W, not_answered: W},
    H: {renewed: H, connected: W, silent: A, said_to_record: H, not_answered: H},
    A: {renewed: H, connected: W, silent: A, said_to_record: B, not_answered: T},
    B: {renewed: H, connected: W, silent: A, said_to_record: B, not_answered: B},
    T: {renewed: H, connected: T, silent: T, said_to_record: T, not_answered: T},
}


def test_the_table_has_all_states() -> None:
    assert set(TABLE) == set(MADE) == set(LeaseState)


@pytest.mark.parametrize("state", LeaseState)
@pytest.mark.parametrize("what", [renewed, connected, silent, said_to_record, not_answered])
def test_every_state_with_everything_that_can_happen(state: LeaseState, what: Callable[[Lease], None]) -> None:
    lease = MADE[state]()
    assert lease.state is state
    what(lease)
    assert lease.state is TABLE[state][what]


@pytest.mark.parametrize("state", LeaseState)
def test_a_recorder_that_is_here_is_never_asked_about(state: LeaseState) -> None:
    lease, now_s = MADE[state](), NOW_S
    for _ in range(20):
        lease.renew(now_s, ["front"])
        now_s += 1.0
        assert not lease.ends(now_s)


def test_a_lease_ends_three_seconds_after_it_was_renewed_last_and_is_asked_about_once() -> None:
    lease = held()
    assert not lease.ends(RUNNING_S + LEASE_S - 0.01)
    assert lease.ends(RUNNING_S + LEASE_S)
    assert not lease.ends(RUNNING_S + 100)


def test_after_its_start_the_standby_waits_for_two_lengths() -> None:
    lease = waiting()
    assert not lease.ends(STARTED_S + SETTLE_S - 0.01)
    assert lease.ends(STARTED_S + SETTLE_S)


@pytest.mark.parametrize("state", [LeaseState.WAITING, LeaseState.HELD, LeaseState.ASKING, LeaseState.ANSWERED])
def test_after_a_connection_the_standby_waits_for_two_lengths(state: LeaseState) -> None:
    lease = MADE[state]()
    lease.connect(NOW_S)
    lease.renew(NOW_S + 0.1, ["front"])
    assert not lease.ends(NOW_S + SETTLE_S - 0.01)
    assert lease.ends(NOW_S + SETTLE_S)


def test_a_recorder_that_answered_is_asked_again_after_a_lease() -> None:
    lease = answered()
    assert not lease.ends(RUNNING_S + 2 * LEASE_S - 0.01)
    assert lease.ends(RUNNING_S + 2 * LEASE_S)


def test_a_camera_is_back_once_it_was_recorded_for_ten_seconds_without_a_break() -> None:
    lease = taken()
    lease.renew(NOW_S, [])
    lease.renew(NOW_S + 1, ["front"])
    lease.renew(NOW_S + 8, [])
    lease.renew(NOW_S + 9, ["front"])
    lease.renew(NOW_S + 9 + RETURN_S - 1, ["front"])
    assert not lease.has_returned("front", NOW_S + 9 + RETURN_S - 0.01)
    assert lease.has_returned("front", NOW_S + 9 + RETURN_S)
    assert not lease.has_returned("yard", NOW_S + 9 + RETURN_S)


@pytest.mark.parametrize("state", [LeaseState.WAITING, LeaseState.ASKING, LeaseState.ANSWERED, LeaseState.TAKEN])
def test_nothing_is_given_back_unless_the_recorder_is_here(state: LeaseState) -> None:
    assert not MADE[state]().has_returned("front", NOW_S + 1000)


def test_a_recorder_that_dies_again_begins_its_ten_seconds_again() -> None:
    lease = taken()
    lease.renew(NOW_S, ["front"])
    assert lease.ends(NOW_S + LEASE_S)
    lease.answer(NOW_S + LEASE_S, is_recording=False)
    lease.renew(NOW_S + 30, ["front"])
    assert not lease.has_returned("front", NOW_S + 31)
