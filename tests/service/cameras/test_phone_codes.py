import pytest

from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.service.cameras.phone_codes import LASTS_S, MOST_CODES, PhoneCodes, PhoneCodeStatus, PhoneInvitation
from tawny.testing.clock import FakeClock

WANTED = PhoneInvitation("anna", "Old phone")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def codes(clock: FakeClock) -> PhoneCodes:
    return PhoneCodes(clock)


def test_a_code_works_once(codes: PhoneCodes) -> None:
    key, code = codes.make(WANTED)
    assert codes.status(key, "anna").state == "waiting"
    assert codes.use(code) == (key, WANTED)
    assert codes.status(key, "anna").state == "joining"
    with pytest.raises(NotDone, match="has been used or has expired"):
        codes.use(code)
    codes.over(key, PhoneCodeStatus("joined", CameraId("old-phone")))
    assert codes.status(key, "anna").camera == "old-phone"


@pytest.mark.parametrize(
    ("seconds", "works"), [(0.0, True), (LASTS_S - 1, True), (LASTS_S, False), (LASTS_S + 1, False)]
)
def test_it_works_for_ten_minutes(codes: PhoneCodes, clock: FakeClock, seconds: float, *, works: bool) -> None:
    key, code = codes.make(WANTED)
    clock.advance(seconds)
    assert codes.status(key, "anna").state == ("waiting" if works else "ended")
    if works:
        assert codes.use(code)
    else:
        with pytest.raises(NotDone):
            codes.use(code)
    assert LASTS_S == 600


def test_it_has_more_bits_than_can_be_guessed(codes: PhoneCodes) -> None:
    made = {codes.make(WANTED)[1] for _ in range(50)}
    assert len(made) == 50
    assert min(len(code) for code in made) * 6 >= 128


@pytest.mark.parametrize("code", ["", "x", "é", "0" * 27])
def test_wrong_codes_are_refused(codes: PhoneCodes, code: str) -> None:
    key, right = codes.make(WANTED)
    codes.use(right)  # a used code is empty, and no empty one works
    with pytest.raises(NotDone):
        codes.use(code)
    assert codes.status(key, "anna").state == "joining"


def test_the_oldest_goes_when_there_are_too_many(codes: PhoneCodes) -> None:
    made = [codes.make(WANTED)[1] for _ in range(MOST_CODES + 1)]
    with pytest.raises(NotDone):
        codes.use(made[0])
    assert codes.use(made[1])


def test_only_its_owner_sees_and_ends_it(codes: PhoneCodes) -> None:
    key, code = codes.make(WANTED)
    codes.cancel(key, "ben")
    assert codes.status(key, "ben").state == "ended"
    assert codes.status(key, "anna").state == "waiting"
    codes.cancel(key, "anna")
    with pytest.raises(NotDone):
        codes.use(code)
