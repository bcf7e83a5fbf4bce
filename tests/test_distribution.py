"""What is distributed: each package by the hashes of its files, and with its licence."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import LOCK, PARTS, parts_of
from scripts.notices import MARK, NOTICES, headings

ROOT = Path(__file__).parent.parent


def entries(text: str) -> dict[str, list[str]]:
    """Versions of each package of a part."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def test_every_package_has_the_hashes_of_its_files() -> None:
    text = LOCK.read_text()
    assert "://" not in text, "the index is the reader's choice"
    assert [*parts_of(text)] == [*PARTS]
    for part in parts_of(text).values():
        for requirement in re.split(r"^(?=[\w.-]+==)", part, flags=re.MULTILINE)[1:]:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement[:80]


def test_the_lock_has_what_the_project_asks_for() -> None:
    """A new dependency fails here, until scripts/lock.py has been run."""
    project, parts = tomllib.loads((ROOT / "pyproject.toml").read_text()), parts_of(LOCK.read_text())
    users, tests = entries(parts["users"]), entries("".join(parts.values()))
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *(one for name in ("models", "s3", "sftp", "mqtt", "apprise")
                                                    for one in extras[name])]  # fmt: skip
    for group, locked in ((wanted, users), ([*extras["dev"], *project["build-system"]["requires"]], tests)):
        for text in group:
            asked = Requirement(text)
            versions = locked.get(canonicalize_name(asked.name), [])
            assert versions, f"{asked.name} is not in requirements.lock: run scripts/lock.py"
            assert all(version in asked.specifier for version in versions), (text, versions)


def test_setup_takes_the_parts_that_it_is_asked_for() -> None:
    command = f". {ROOT}/scripts/setup.sh; locked {ROOT} users build"
    taken = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    parts = parts_of(LOCK.read_text())
    assert parts_of(taken) == {name: parts[name] for name in ("users", "build")}
    words = (ROOT / "scripts" / "setup.sh").read_text()
    assert "--require-hashes --no-deps -r" in words
    assert len(re.findall(r"pip install", words)) == 2


def with_stand_ins(folder: Path, **programs: str) -> dict[str, str]:
    """Environment in which these programs are scripts."""
    (folder / "bin").mkdir()
    for name, script in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / name).chmod(0o755)
    return {"PATH": f"{folder}/bin:/usr/bin:/bin"}


@pytest.mark.parametrize(("user", "owner", "as_owner"), [(0, "pi", True), (0, "root", False), (1000, "pi", False)])
def test_root_sets_up_as_the_owner_of_the_folder(tmp_path: Path, user: int, owner: str, as_owner: bool) -> None:
    text = f'echo "$@" >> {tmp_path}/said'
    pi = "echo pi:x:1000:1000::/home/pi:/bin/sh"
    env = with_stand_ins(tmp_path, id=f"echo {user}", stat=f"echo {owner}", getent=pi, runuser=text, python3="")
    command = f". {ROOT}/scripts/setup.sh; setup {tmp_path} all"
    done = subprocess.run(["sh", "-euc", command], env=env, capture_output=True, check=False)
    assert done.returncode == (0 if as_owner else 3), "here nothing can be set up"
    asked = (tmp_path / "said").read_text().splitlines() if as_owner else []
    assert [line.startswith("-u pi -- ") for line in asked] == [True] * 2 * as_owner


def test_the_owner_gets_what_root_made_before(tmp_path: Path) -> None:
    stat = 'case "$3" in */.venv) echo root;; *) echo pi;; esac'
    text = f'echo "$(basename "$0") $@" >> {tmp_path}/said'
    pi = "echo pi:x:1000:1000::/home/pi:/bin/sh"
    env = with_stand_ins(tmp_path, id="echo 0", stat=stat, getent=pi, runuser=text, chown=text, python3="")
    command = f". {ROOT}/scripts/setup.sh; setup {tmp_path} all"
    subprocess.run(["sh", "-euc", command], env=env, check=True)
    asked = (tmp_path / "said").read_text().splitlines()
    assert [line for line in asked if line.startswith("chown")] == [f"chown -Rh pi: {tmp_path}/.venv"]
    assert asked[-1].startswith("runuser -u pi -- env ")


def test_root_sets_up_itself_where_the_owner_has_no_account(tmp_path: Path) -> None:
    text = f"echo $@ >> {tmp_path}/said"
    only_u = '[ "$1" = -u ] && echo 0'
    env = with_stand_ins(tmp_path, id=only_u, stat="echo UNKNOWN", getent="exit 2", runuser=text, python3="")
    command = f". {ROOT}/scripts/setup.sh; as_owner {tmp_path} all"
    assert subprocess.run(["sh", "-uc", command], env=env, check=False).returncode == 1
    assert not (tmp_path / "said").exists()


def test_a_log_of_another_time_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "setup.log").write_text("of another time")
    denied = "echo 'touch: Permission denied' >&2; exit 1"
    env = with_stand_ins(tmp_path, id="echo 1000", python3="", tail=f"echo >{tmp_path}/shown", touch=denied)
    command = f". {ROOT}/scripts/setup.sh; setup {tmp_path} all"
    done = subprocess.run(["sh", "-euc", command], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, (tmp_path / "shown").exists()) == (3, False)
    assert "sudo chown -R" in done.stderr


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("npm error code EACCES", ["sudo chown -R"]),
        ("Temporary failure in name resolution", ["internet"]),
        ("error: command 'gcc' failed", []),
    ],
)
def test_a_set_up_that_fails_blames_only_what_the_log_shows(tmp_path: Path, log: str, told: list[str]) -> None:
    command = f'. {ROOT}/scripts/setup.sh; why_not {tmp_path} "$1"'
    done = subprocess.run(["sh", "-euc", command, "sh", log], capture_output=True, text=True, check=True)
    assert [words for words in ("sudo chown -R", "internet") if words in done.stderr] == told


def test_the_interfaces_packages_have_hashes() -> None:
    lock = json.loads((ROOT / "ui" / "package-lock.json").read_text())["packages"]
    assert [path for path, one in lock.items() if path and not one.get("integrity")] == []


def test_every_distributed_package_has_its_licence() -> None:
    """A new dependency fails here, until scripts/notices.py has been run."""
    made = NOTICES.read_text(encoding="utf-8").partition(MARK)[2]
    found = set(re.findall(r"^--- .+$", made, re.MULTILINE))
    assert found == headings(), "run `python -m scripts.notices`"
    for section in re.split(r"^--- ", made, flags=re.MULTILINE)[1:]:
        assert len(section) > 60, f"{section.splitlines()[0]} has no licence"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "ui/LICENSES.txt" in project["license-files"]


def test_the_parts_under_the_gpl_have_terms_and_sources() -> None:
    import av

    folder = ROOT / "addons" / "tawny"
    notice = (folder / "NOTICE").read_text()
    bundled = {path.name for path in (Path(av.__file__).parents[1] / "av.libs").glob("*")}
    for name in ("x264", "x265"):
        if any(name in one for one in bundled):
            assert f"lib{name}" in notice
            assert re.search(rf"https://\S+{name}", notice)
    for name in re.findall(r"[\w.-]+\.txt", notice.partition("licenses/:")[2].partition("\n\n")[0]):
        assert (folder / "licenses" / name).stat().st_size > 5000
