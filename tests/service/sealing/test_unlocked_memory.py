"""The key of who has unlocked the recordings is in the recorder's memory as long, and nowhere in it afterwards."""

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tawny.sealed.key_wrapping import Identity
from tests.api.test_unlocking import CAMERA, text
from tests.sealed.test_held import handed, raw
from tests.support.memory_search import found_in

OWNER, SHEET = Identity.new(), Identity.new()
KEYS = f'[encryption]\nrecipients = ["{OWNER.recipient}"]\nrecovery = "{SHEET.recipient}"\n'


class Child:
    def __init__(self, folder: Path) -> None:
        (folder / "tawny.toml").write_text(f"{KEYS}{CAMERA}encrypt = true\n")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.sealing.unlocked_child", str(folder), OWNER.recipient],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        self.offer: str = self._answer()["offer"]

    def do(self, what: str, body: dict[str, str] | None = None) -> int:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": what, "body": body or {}}) + "\n")
        self.process.stdin.flush()
        status: int = self._answer()["status"]
        return status

    def keys(self) -> int:
        """How often the key is in its memory, in whatever form."""
        secret = raw(OWNER)
        forms = (secret, OWNER.text.encode(), OWNER.text.lower().encode(), secret.hex().encode())
        return sum(found_in(self.process.pid, forms).values())

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        data: dict[str, Any] = json.loads(self.process.stdout.readline())
        return data


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    made = Child(tmp_path)
    with made.process:
        yield made
    assert made.process.returncode == 0


@pytest.mark.parametrize("end", ["lock", pytest.param("sign out", marks=pytest.mark.long)])
def test_the_key_is_there_while_it_is_unlocked_and_gone_afterwards(child: Child, end: str) -> None:
    assert child.keys() == 0
    assert child.do("play") == 423
    own, secret = handed(b64decode(child.offer), raw(OWNER))
    asked = {"offer": child.offer, "key": text(own), "sealed": text(secret), "way": "words"}
    assert child.do("unlock", asked) == 200
    assert [child.do("play") for _ in range(5)] == [200] * 5
    assert child.keys() >= 1, "the search finds it"
    assert child.do(end) == 200
    assert child.do("play") == (423 if end == "lock" else 401)
    assert child.keys() == 0
