"""Files behind a passphrase: they open whatever their work factor, and each failure has its own reason."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pyrage
import pytest

from tawny.sealed.age_file import MAX_WORK_FACTOR, WORK_FACTOR, lock_with_passphrase, open_with_passphrase
from tawny.sealed.broken import NotEnoughMemory, SealedFileBroken, WorkFactorRefused, WrongPassphrase
from tawny.sealed.key_wrapping import Identity

PHRASE = "one-two-three"
CONTENT = b"AGE-SECRET-KEY-1 and so on\n"
FILE = lock_with_passphrase(CONTENT, PHRASE, 5)
FOR_A_KEY = pyrage.encrypt(CONTENT, [pyrage.x25519.Recipient.from_str(Identity.new().recipient)])


def test_the_work_factor_is_the_stated_one() -> None:
    head = lock_with_passphrase(CONTENT, PHRASE).splitlines()[1].split()
    assert (head[1], head[3]) == (b"scrypt", str(WORK_FACTOR).encode())


@pytest.mark.parametrize("factor", [1, 5, 10, WORK_FACTOR, 18])
def test_every_work_factor_opens(factor: int) -> None:
    assert open_with_passphrase(lock_with_passphrase(CONTENT, PHRASE, factor), PHRASE) == CONTENT


def test_age_itself_opens_it() -> None:
    """What age writes is in tests/golden: `locked key`."""
    assert pyrage.passphrase.decrypt(FILE, PHRASE) == CONTENT


def line(number: int, change: Callable[[bytes], bytes]) -> bytes:
    """The file with one line changed."""
    lines = FILE.split(b"\n", 4)
    lines[number] = change(lines[number])
    return b"\n".join(lines)


def flipped(place: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:place] + (b"A" if data[place : place + 1] != b"A" else b"B") + data[place + 1 :]


@pytest.mark.parametrize(
    ("data", "phrase", "error", "said"),
    [
        (FILE, "one-two-four", WrongPassphrase, "wrong passphrase"),
        (
            line(1, lambda text: text.removesuffix(b" 5") + b" 23"),
            PHRASE,
            WorkFactorRefused,
            "factor is 23, and at most 22",
        ),
        (line(1, lambda text: text.removesuffix(b" 5") + b" 0"), PHRASE, WorkFactorRefused, "factor is 0"),
        (line(1, lambda text: text.removesuffix(b" 5") + b" x"), PHRASE, SealedFileBroken, "it is damaged"),
        (line(1, lambda text: text + b" 1"), PHRASE, SealedFileBroken, "it is damaged"),
        (line(3, flipped(8)), PHRASE, SealedFileBroken, "it is damaged: the passphrase is right"),
        (line(4, flipped(20)), PHRASE, SealedFileBroken, "it is damaged: the passphrase is right"),
        (FILE[:-1], PHRASE, SealedFileBroken, "it is damaged: the passphrase is right"),
        (FILE[:60], PHRASE, SealedFileBroken, "it is damaged"),
        (b"", PHRASE, SealedFileBroken, "it is damaged"),
        (FOR_A_KEY, PHRASE, SealedFileBroken, "isn't protected by a passphrase"),
    ],
    ids=lambda one: "" if isinstance(one, bytes) else str(one),
)
def test_a_failure_tells_its_own_reason(data: bytes, phrase: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        open_with_passphrase(data, phrase)
    assert type(raised.value) is error


def test_memory_that_is_missing_is_a_reason_of_its_own() -> None:
    """In a process of its own that may have 1 GiB."""
    code = (
        "import resource; from tawny.sealed.age_file import *; from tawny.sealed.broken import NotEnoughMemory\n"
        f"data = {FILE!r}.replace(b' 5\\n', b' {MAX_WORK_FACTOR}\\n')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        f"try: open_with_passphrase(data, {PHRASE!r})\n"
        "except NotEnoughMemory as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "opening it needs 4096 MiB of memory, and less is free\n"
    assert issubclass(NotEnoughMemory, SealedFileBroken)


def test_a_process_starved_of_cpu_opens_its_file() -> None:
    """It runs for a millisecond of each ten, as beside a busy recorder: nothing is measured, so nothing is refused."""
    data = lock_with_passphrase(CONTENT, PHRASE)
    opens = f"from tawny.sealed.age_file import *\nprint(open_with_passphrase({data!r}, {PHRASE!r}))"
    with subprocess.Popen([sys.executable, "-c", opens], stdout=subprocess.PIPE, text=True) as starved:
        assert starved.stdout is not None
        while starved.poll() is None:
            starved.send_signal(signal.SIGSTOP)
            threading.Event().wait(0.009)
            starved.send_signal(signal.SIGCONT)
            threading.Event().wait(0.001)
        assert starved.stdout.read() == f"{CONTENT!r}\n"
