"""Damaged files of each recorder: a line and what to do, never a traceback, and nothing half-written."""

import json
import random
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Tawny, tawny
from tests.seeds.examples import DIYCAM, PANCAKE, ROM_CAM, ROPEY, SUDOCAM

__all__ = ["tawny"]

SYSTEMS = {
    "rom-cam": [ROM_CAM],
    "diycam": [DIYCAM],
    "ropey-cam": [ROPEY],
    "sudocam": [SUDOCAM],
    "pancake": list(PANCAKE.values()),
}
ODD = (
    '"', "'", "\\", "$", "${HOME}", "$(id)", "`id`", "{1..9999}", "{a,b}{a,b}", "[", "]", "=", "#", "\0",
    "\x1b", "é", "名", "\u202e", "\ud7ff", "-", "--", "--fps", "../..", "/", "~", "0", "-1", "1e999", "nan",
    "9" * 40, "9" * 5000, "true", "[[[[",
    "{" * 3000, "[" * 3000, "\r", "\t", "\n\n", ":", ";", "&&", "|", ">", "\x0b", "@", "%", "rtsp://u:p@[::1", "http://[",
)  # fmt: skip


def damaged(text: str, chance: random.Random) -> bytes:
    """One to three damages: cut, doubled, exchanged or foreign parts."""
    for _ in range(chance.randint(1, 3)):
        lines = text.split("\n")
        at, line = chance.randrange(len(text) + 1), chance.randrange(len(lines))
        match chance.randrange(9):
            case 0:
                text = text[:at] + chance.choice(ODD) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 9) :]
            case 2:
                text = text[:at]
            case 3:
                text = "\n".join([*lines[:line], lines[line], *lines[line:]])
            case 4:
                text = "\n".join([*lines[:line], *lines[line + 1 :]])
            case 5:
                words = re.findall(r"[^\s=\"',:]+", text) or ["x"]
                text = text.replace(chance.choice(words), chance.choice(ODD), 1)
            case 6:
                other = chance.randrange(len(lines))
                lines[line], lines[other] = lines[other], lines[line]
                text = "\n".join(lines)
            case 7:
                text = re.sub(r"\d+", lambda found: chance.choice((found[0], "", "-7", "10000000", "x")), text)
            case _:
                text = text[:at] + chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x2FFF)))) + text[at:]
    data = text.encode(errors="replace")
    if chance.random() < 0.05:
        at = chance.randrange(len(data) + 1)
        data = data[:at] + bytes([chance.randrange(128, 256)]) + data[at:]
    return data


def tried(tawny: Tawny, folder: Path, data: bytes) -> str:
    """Return what is wrong with how a file is taken; empty if nothing."""
    theirs = folder / "theirs"
    theirs.write_bytes(data)
    result = tawny("import", "theirs", "--json")
    made = sorted(path.name for path in folder.iterdir() if path.is_file() and path != theirs)
    for name in made:
        (folder / name).unlink()
    if result.code == 0:
        answer = json.loads(result.out)
        is_whole = "tawny.toml" in made and set(made) <= {"tawny.toml", "secrets.toml"} and answer["became"]
        return "" if is_whole else f"taken over, but made {made}"
    if made:
        return f"refused with {result.code}, but made {made}"
    if "Traceback" in result.err:
        return result.err
    has_place = "contains no settings of" in result.err or re.search(r"\bline [1-9]\d*\b", result.err)
    return "" if result.code in (2, 3) and has_place else f"{result.code}: {result.err}"


def fuzz(tawny: Tawny, folder: Path, system: str, seeds: range) -> None:
    wrong = {}
    for seed in seeds:
        chance = random.Random(f"{system} {seed}")
        data = damaged(chance.choice(SYSTEMS[system]), chance)
        if why := tried(tawny, folder, data):
            wrong[seed] = f"{why}\n{data[:400]!r}"
    assert not wrong, f"{len(wrong)}: " + "\n".join(f"{seed}: {why}" for seed, why in list(wrong.items())[:5])


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_damaged_file_gets_a_line_and_leaves_nothing(system: str, tawny: Tawny, tmp_path: Path) -> None:
    fuzz(tawny, tmp_path, system, range(100))


@pytest.mark.long
@pytest.mark.parametrize("system", SYSTEMS)
def test_two_thousand_damaged_files(system: str, tawny: Tawny, tmp_path: Path) -> None:
    fuzz(tawny, tmp_path, system, range(100, 2000))
