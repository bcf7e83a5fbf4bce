import pytest

from tawny.api.auth.guess_limit import MOST_KEPT, LoginThrottle
from tawny.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def attempts(clock: FakeClock) -> LoginThrottle:
    return LoginThrottle(clock)


def fail(attempts: LoginThrottle, times: int, name: str = "Anna", address: str = "a") -> None:
    for _ in range(times):
        attempts.failed(name, address)


def test_four_wrong_tries_cost_nothing(attempts: LoginThrottle) -> None:
    fail(attempts, 4)
    assert attempts.wait_s("Anna", "a") == 0


def test_p5_the_fifth_costs_half_a_minute(attempts: LoginThrottle, clock: FakeClock) -> None:
    fail(attempts, 5)
    assert attempts.wait_s("Anna", "a") == 30
    clock.advance(30)
    assert attempts.wait_s("Anna", "a") == 0


def test_each_further_one_costs_twice_as_much_up_to_a_quarter_of_an_hour(
    attempts: LoginThrottle, clock: FakeClock
) -> None:
    fail(attempts, 4)
    waits = []
    for _ in range(7):
        attempts.failed("Anna", "a")
        waits.append(attempts.wait_s("Anna", "a"))
        clock.advance(waits[-1])
    assert waits == [30, 60, 120, 240, 480, 900, 900]


@pytest.mark.parametrize(("name", "address"), [("Ben", "a"), ("Anna", "b"), ("Ben", "b")])
def test_others_do_not_wait(attempts: LoginThrottle, name: str, address: str) -> None:
    fail(attempts, 9)
    assert attempts.wait_s(name, address) == 0


def test_another_spelling_is_the_same_name(attempts: LoginThrottle) -> None:
    fail(attempts, 5, " ANNA ")
    assert attempts.wait_s("anna", "a") == 30


def test_a_right_password_forgets_the_wrong_ones(attempts: LoginThrottle) -> None:
    fail(attempts, 4)
    attempts.succeeded("Anna", "a")
    fail(attempts, 4)
    assert attempts.wait_s("Anna", "a") == 0


def test_an_hour_forgets_as_well(attempts: LoginThrottle, clock: FakeClock) -> None:
    fail(attempts, 4)
    clock.advance(3601)
    fail(attempts, 4)
    assert attempts.wait_s("Anna", "a") == 0


def test_a_jump_of_the_wall_clock_lets_nobody_in(attempts: LoginThrottle, clock: FakeClock) -> None:
    fail(attempts, 5)
    clock.jump_utc(86_400)
    assert attempts.wait_s("Anna", "a") == 30


def test_an_address_that_tries_many_names_waits_as_well(attempts: LoginThrottle) -> None:
    for number in range(25):
        assert attempts.wait_s("next", "a") == 0
        attempts.failed(f"name {number}", "a")
    assert (attempts.wait_s("next", "a"), attempts.wait_s("next", "b")) == (30, 0)


def test_any_number_of_names_and_addresses_takes_bounded_room(attempts: LoginThrottle) -> None:
    fail(attempts, 5, "first", "a")
    for number in range(MOST_KEPT):
        attempts.failed("Anna", f"address {number}")
    assert attempts.wait_s("first", "a") == 0
