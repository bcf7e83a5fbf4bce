"""`tawny service install`: the unit is written, and systemd told, through a stand-in for systemctl."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

from tawny.storage.disk.lock import VolumeLock
from tests.cli.conftest import Tawny


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Writes down what it is asked; so do the programs that make a user and give it files."""
    folder, log = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    for name in ("systemctl", "useradd", "chown"):
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{"" if name == "systemctl" else name + " "}$@" >> {log}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("sys.prefix", "/opt/tawny/.venv")
    return log


def mount_unit(path: str) -> str:
    """As `systemd-escape --path --suffix=mount` names it: systemd.unit(5)."""
    escaped = "".join(
        one if re.fullmatch("[A-Za-z0-9:_.]", one) else "".join(f"\\x{byte:02x}" for byte in one.encode())
        for one in path.strip("/").replace("/", "\0")
    )
    return escaped.replace("\\x00", "-") + ".mount"


def verified(unit: str, folder: Path) -> list[str]:
    """What systemd finds wrong with a unit; nothing where systemd isn't installed."""
    if shutil.which("systemd-analyze") is None:
        return []
    (folder / "tawny.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(folder / "tawny.service")], capture_output=True, text=True, check=False
    )
    return [line for line in done.stderr.splitlines() if "tawny.service:" in line and "not executable" not in line]


@pytest.mark.shows("DY18", "RP28")
def test_installing_writes_the_unit_and_starts_it(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    tawny("init")
    result = tawny("service", "install", "--units", str(tmp_path), "--data", "data")
    assert result.code == 0, result
    unit = (tmp_path / "tawny.service").read_text()
    assert f"run --config {tmp_path}/tawny.toml --data {tmp_path}/data" in unit
    assert {"LimitCORE=0", "MemorySwapMax=0"} <= set(unit.splitlines()), "keys stay in memory"
    asked = systemctl.read_text().splitlines()
    assert asked[1:] == [
        f"useradd --system --user-group --home-dir {tmp_path}/data --no-create-home tawny",
        f"chown --recursive --no-dereference tawny:tawny {tmp_path}/data {tmp_path}/tawny.toml",
        "daemon-reload",
        "enable tawny.service",
        "restart tawny.service",
    ]


@pytest.mark.parametrize(("folder", "is_said"), [("conf", True), ("tawny", False), ("data", False)])
def test_installing_says_when_the_browser_cannot_change_the_settings(
    folder: str, is_said: bool, tawny: Tawny, tmp_path: Path, systemctl: Path
) -> None:
    config = tmp_path / folder / "tawny.toml"
    config.parent.mkdir()
    config.touch()
    output = tawny("service", "install", "--units", str(tmp_path), "--config", str(config), "--data", "data").out
    assert (f"may not write to {config.parent}. " in output) is is_said, output


@pytest.mark.parametrize("place", ["sys.prefix", "sys.argv"])
def test_the_unit_runs_the_program_that_was_called(
    place: str, tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one of an earlier installation that is found by its name."""
    config, earlier, called = tmp_path / "tawny.toml", tmp_path / "bin/tawny", tmp_path / "new/bin/tawny"
    config.touch()
    called.parent.mkdir(parents=True)
    for program in (earlier, called):
        program.touch(mode=0o755)
    monkeypatch.setattr(place, str(tmp_path / "new") if place == "sys.prefix" else [str(called)])
    unit = tawny("service", "show", "--config", str(config), "--data", "data").out
    assert f"ExecStart={called} run" in unit


def test_the_unit_runs_the_program_that_was_called_also_where_another_is_in_the_same_place_as_python(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Debian, where pip installs to /usr/local, and packages to /usr."""
    of_debian, called = tmp_path / "usr/bin/tawny", tmp_path / "usr/local/bin/tawny"
    for program in (of_debian, called):
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
    (tmp_path / "tawny.toml").touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path / "usr"))
    monkeypatch.setattr("sys.argv", [str(called)])
    assert f"ExecStart={called} run" in tawny("service", "show", "--data", "data").out


def test_the_unit_waits_for_its_disk_unless_a_spare_can_stand_in(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text('[storage]\nmirror = "/mnt/mirror"\n')
    unit = tawny("service", "show", "--data", "data").out
    assert f"RequiresMountsFor={tmp_path}/data\n" in unit
    assert f"ReadWritePaths={tmp_path}/data -/mnt/mirror\n" in unit
    config.write_text('[storage]\nspare = "/mnt/spare"\n')
    unit = tawny("service", "show", "--data", "data").out
    assert "MountsFor" not in unit, "systemd before 256 has no WantsMountsFor="
    waited = re.search(r"^After=(\S+) (\S+) .*\nWants=\1 \2 ", unit, re.MULTILINE)
    assert waited is not None, unit
    assert waited[1] == mount_unit(f"{tmp_path}/data")
    assert waited[2] == mount_unit(f"{tmp_path}")
    assert verified(unit, tmp_path) == []
    assert f"ReadWritePaths={tmp_path}/data -/mnt/spare\n" in unit


ODD = 'My Disk "ä" 100% $HOME\\x'


def test_paths_with_spaces_and_signs_are_one_path_for_systemd(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "my programs 5%" / "tawny"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "my conf %h").mkdir()
    config = tmp_path / "my conf %h" / "tawny.toml"
    config.write_text('[storage]\nmirror = "/mnt/a b"\n')
    unit = tawny("service", "show", "--config", str(config), "--data", f"/srv/{ODD}").out
    assert f"WorkingDirectory={tmp_path}/my conf %%h\n" in unit
    assert "Credential" not in unit, "systemd doesn't start a service whose credentials are missing"
    data = r'"/srv/My Disk \"ä\" 100%% $HOME\\x"'
    assert f"RequiresMountsFor={data}\n" in unit
    assert f'ReadWritePaths={data} "-/mnt/a b"\n' in unit
    run = f'ExecStart="{tmp_path}/my programs 5%%/tawny" run --config "{tmp_path}/my conf %%h/tawny.toml" --data '
    assert run + data.replace("$", "$$") + "\n" in unit
    assert verified(unit, tmp_path) == []
    (config.parent / "credentials").mkdir()
    unit = tawny("service", "show", "--config", str(config), "--data", f"/srv/{ODD}").out
    assert f"\nLoadCredential=tawny:{tmp_path}/my conf %%h/credentials\n" in unit
    assert f'\nInaccessiblePaths="{tmp_path}/my conf %%h/credentials"\nUser=' in unit
    assert verified(unit, tmp_path) == []


def test_settings_with_credentials_can_be_installed(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "tawny.toml").write_text('[cameras.a]\nsource = "rtsp://u:${PW}@192.0.2.1/x"\n')
    (tmp_path / "credentials").mkdir()
    assert tawny("service", "show", "--data", "data").code == 2
    (tmp_path / "credentials" / "PW").write_text("s3cret\n")
    assert tawny("service", "show", "--data", "data").code == 0


def test_systemd_never_gives_up(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    tawny("init")
    head = tawny("service", "show", "--data", "data").out.partition("[Service]")[0]
    assert "\nStartLimitIntervalSec=0\n" in head


def test_the_service_may_ask_whether_the_clock_is_synchronized(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    """By hand, with systemd 252: so adjtimex(2) reads, and setting the clock is still refused."""
    tawny("init")
    unit = tawny("service", "show", "--data", "data").out.splitlines()
    allowed = unit.index("SystemCallFilter=adjtimex clock_adjtime")
    assert allowed > unit.index("SystemCallFilter=~@privileged"), "the last line counts"
    assert "ProtectClock=yes" not in unit, "it refuses reading, too"


@pytest.mark.parametrize(("pid", "code"), [("", 33), ("1", 33), ("own", 0)])
def test_a_tawny_that_runs_in_a_terminal_must_be_stopped_first(
    tawny: Tawny, tmp_path: Path, systemctl: Path, pid: str, code: int
) -> None:
    tawny("init")
    (tmp_path / "data").mkdir()
    program = tmp_path / "bin" / "systemctl"
    main_pid = os.getpid() if pid == "own" else pid
    program.write_text(f'#!/bin/sh\ncase "$1" in show) echo {main_pid} ;; esac\n')
    lock = VolumeLock.take(tmp_path / "data", "boot", 0)
    result = tawny("service", "install", "--units", str(tmp_path), "--data", "data")
    lock.release()
    assert result.code == code, result
    if code:
        assert f"Another tawny is already recording to {tmp_path}/data (process {os.getpid()})" in result.err
        assert "Stop it first" in result.err
    assert (tmp_path / "tawny.service").exists() == (code == 0)


@pytest.mark.parametrize(("user", "hint"), [(0, "journalctl -u tawny"), (1000, "Run this with sudo")])
def test_a_start_that_fails_doesnt_tell_root_to_use_sudo(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch, user: int, hint: str
) -> None:
    tawny("init")
    (tmp_path / "bin" / "systemctl").write_text('#!/bin/sh\n[ "$1" != restart ]\n')
    monkeypatch.setattr("os.geteuid", lambda: user)
    result = tawny("service", "install", "--units", str(tmp_path), "--data", "data")
    assert result.code == 3
    assert hint in result.err


def test_a_microphone_of_this_computer_is_let_in(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grp.getgrnam", lambda name: name)
    config = tmp_path / "tawny.toml"
    for microphone, group in (("", "video render"), ("alsa:plughw:1", "video render audio")):
        config.write_text(f'[cameras.a]\nsource = "/dev/video0"\nmicrophone = "{microphone}"\n')
        unit = tawny("service", "show", "--data", "data").out
        assert f"SupplementaryGroups={group}\n" in unit
        assert ("DeviceAllow=char-alsa rw\n" in unit) == bool(microphone)
        assert verified(unit, tmp_path) == []


def test_a_camera_may_be_plugged_in_after_the_start(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    config = tmp_path / "tawny.toml"
    for microphone, modules in (("", ["videodev"]), ("alsa:plughw:1", ["videodev", "snd"])):
        config.write_text(f'[cameras.a]\nsource = "/dev/video0"\nmicrophone = "{microphone}"\n')
        lines = tawny("service", "show", "--data", "data").out.splitlines()
        for kind in ("After=", "Wants="):
            words = next(line for line in lines if line.startswith(kind)).split()
            assert words[-len(modules) :] == [f"modprobe@{name}.service" for name in modules]


def test_the_unit_of_a_mount_point_has_the_name_that_systemd_gives_it(
    tawny: Tawny, tmp_path: Path, systemctl: Path
) -> None:
    (tmp_path / "tawny.toml").write_text('[storage]\nspare = "/mnt/spare"\n')
    unit = tawny("service", "show", "--data", f"/media/.old/{ODD}").out
    wanted = unit.partition("After=media-")[2].partition(".mount")[0]
    named = mount_unit(f"media/.old/{ODD}")
    assert f"media-{wanted}.mount" == named
    if shutil.which("systemd-escape"):
        words = ["systemd-escape", "--path", "--suffix=mount", f"/media/.old/{ODD}"]
        assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == named


def test_uninstalling_leaves_recordings_and_settings(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    tawny("init")
    tawny("service", "install", "--units", str(tmp_path))
    result = tawny("service", "uninstall", "--units", str(tmp_path))
    assert result.code == 0
    assert not (tmp_path / "tawny.service").exists()
    assert (tmp_path / "tawny.toml").exists()


def test_a_machine_without_systemd_is_told(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tawny("init")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = tawny("service", "install", "--units", str(tmp_path))
    assert result.code == 3
    assert "doesn't use systemd" in result.err
    assert not (tmp_path / "tawny.service").exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:8000", "0.0.0.0:443"])
def test_the_unit_is_confined(tawny: Tawny, tmp_path: Path, systemctl: Path, listen: str) -> None:
    """Exposure by systemd's own measure, from 0 to 10; without all this it was 7.2. 0.6 is for reading the clock."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    (tmp_path / "tawny.toml").write_text(f'[web]\nlisten = "{listen}"\n')
    unit = tmp_path / "tawny.service"
    unit.write_text(tawny("service", "show", "--data", "data").out)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    (exposure,) = re.findall(r"Overall exposure level for tawny.service: ([\d.]+)", done.stdout)
    assert float(exposure) <= 2.6, done.stdout
    assert verified(unit.read_text(), tmp_path) == []


def test_it_runs_as_a_user_of_its_own_and_never_as_root(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tawny("init")
    monkeypatch.setenv("SUDO_USER", "pi")
    assert "User=tawny\n" in tawny("service", "show", "--data", "data").out
    assert "User=cam\n" in tawny("service", "show", "--data", "data", "--user", "cam").out
    refused = tawny("service", "show", "--user", "root")
    assert (refused.code, "never runs as root" in refused.err) == (3, True)
    home = tawny("service", "show", "--data", "/home/pi/tawny").out
    assert "User=pi\n" in home
    assert "ProtectHome=read-only\n" in home
    monkeypatch.delenv("SUDO_USER")
    for data in ("/home/pi/tawny", "/root/tawny"):
        refused = tawny("service", "show", "--data", data)
        assert refused.code == 3
        assert f"can't open {data}" in refused.err


def test_low_ports_are_the_only_capability(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    config = tmp_path / "tawny.toml"
    for listen, capability in (("0.0.0.0:8000", ""), ("0.0.0.0:443", "CAP_NET_BIND_SERVICE")):
        config.write_text(f'[web]\nlisten = "{listen}"\n')
        unit = tawny("service", "show", "--data", "data").out.splitlines()
        assert f"CapabilityBoundingSet={capability}" in unit
        assert f"AmbientCapabilities={capability}" in unit


def test_the_interface_can_change_settings_in_a_folder_of_their_own(
    tawny: Tawny, tmp_path: Path, systemctl: Path
) -> None:
    own = tmp_path / "tawny"
    own.mkdir()
    (own / "tawny.toml").write_text('[destinations.nas]\nurl = "folder:/mnt/nas"\n')
    result = tawny(
        "service", "install", "--units", str(tmp_path), "--data", "data", "--config", str(own / "tawny.toml")
    )
    assert result.code == 0, result
    unit = (tmp_path / "tawny.service").read_text()
    assert f"ReadWritePaths={tmp_path}/data -/mnt/nas -{own}\n" in unit
    assert f"tawny:tawny {tmp_path}/data {own}\n" in systemctl.read_text()


def test_credentials_stay_roots(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    own = tmp_path / "tawny"
    (own / "credentials").mkdir(parents=True)
    (own / "tawny.toml").touch()
    result = tawny(
        "service", "install", "--units", str(tmp_path), "--data", "data", "--config", str(own / "tawny.toml")
    )
    assert result.code == 0, result
    asked = [line for line in systemctl.read_text().splitlines() if line.startswith("chown")]
    assert asked[-1].endswith(f" root:root {own}/credentials")


def test_in_a_home_folder_it_records_where_its_user_does_and_can_change_settings(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "pi"
    monkeypatch.setattr("sys.prefix", "/home/pi/program/.venv")
    monkeypatch.setenv("SUDO_USER", "pi")
    monkeypatch.setattr("pwd.getpwnam", lambda _: SimpleNamespace(pw_dir=str(home)))
    tawny("init")
    data = f"{home}/.local/share/tawny"
    assert f"ReadWritePaths={data} -{tmp_path}\n" in tawny("service", "show").out
    (home / "tawny" / "history").mkdir(parents=True)
    unit = tawny("service", "show").out
    assert f"--data {home}/tawny\n" in unit, "where an earlier version recorded"
    assert f"ReadWritePaths={home}/tawny -{tmp_path}\n" in unit


def test_after_a_first_start_it_takes_the_settings_of_the_user_before_sudo(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "pi/.local/share/tawny"
    (data / "history").mkdir(parents=True)
    (data / "tawny.toml").touch()
    monkeypatch.setattr("sys.prefix", "/home/pi/program/.venv")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwnam", lambda _: SimpleNamespace(pw_dir=str(tmp_path / "pi")))
    assert tawny("service", "show").code == 3
    monkeypatch.setenv("SUDO_USER", "pi")
    unit = tawny("service", "show").out
    assert f"run --config {data}/tawny.toml --data {data}\n" in unit
    assert "User=pi\n" in unit


def test_the_service_of_an_imported_pancake_knows_its_folders(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "cam").mkdir()
    (tmp_path / "cam" / "pancake.sh").write_text(
        "python3 recorder.py --record-detection edge clips --detect no-image --emit recorded\n"
    )
    assert tawny("import", "cam/pancake.sh", "--config", "cam/tawny.toml").code == 0
    unit = tawny("service", "show", "--config", "cam/tawny.toml").out
    assert f"WorkingDirectory={tmp_path}/cam\n" in unit
    assert f"run --config {tmp_path}/cam/tawny.toml --data {tmp_path}/cam/clips/tawny\n" in unit
    assert f"ReadWritePaths={tmp_path}/cam/clips/tawny -{tmp_path}/cam/clips" in unit


def test_the_unit_lets_it_write_and_listen_wherever_the_settings_say(
    tawny: Tawny, tmp_path: Path, systemctl: Path
) -> None:
    config = tmp_path / "etc" / "tawny.toml"
    config.parent.mkdir()
    text = '[storage]\npath = "/srv/rec"\nspare = "spare"\n[hub]\nenabled = true\ncopies_folder = "/mnt/copies"\n'
    text += '[api_clients.x]\npermissions = ["event"]\nsocket = "/run/in/x.sock"\n'
    config.write_text(text)
    unit = tawny("service", "show", "--config", str(config)).out
    assert f"ReadWritePaths=/srv/rec -{config.parent}/spare -/mnt/copies -/run/in\n" in unit
    assert "CAP_NET_BIND_SERVICE" not in unit
    for more in (
        '[web]\nrtsp = "0.0.0.0:554"\n', '[live]\nport = 443\n', '[cameras.a]\nsource = "udp://0.0.0.0:500"\n',
        '[cameras.a]\nsource = "rtmp-listen://0.0.0.0:80/live/Ab12Cd34Ef56"\n',
        '[cameras.a]\nsource = "demo:"\nevents_port = 80\n',
    ):  # fmt: skip
        config.write_text(text + more)
        assert "CAP_NET_BIND_SERVICE" in tawny("service", "show", "--config", str(config)).out, more
    config.write_text(text + '[web]\nlisten = "127.0.0.1:0"\n')
    assert "CAP_NET_BIND_SERVICE" not in tawny("service", "show", "--config", str(config)).out, "any free port"


def test_a_home_in_the_settings_is_that_of_the_user_before_sudo(
    tawny: Tawny, tmp_path: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwd.getpwnam", lambda name: SimpleNamespace(pw_dir=f"/home/{name}"))
    monkeypatch.setenv("SUDO_USER", "anna")
    config = tmp_path / "tawny.toml"
    config.write_text('[storage]\npath = "~/rec"\nmirror = "~/copy"\n')
    unit = tawny("service", "show", "--config", str(config)).out
    assert "--data /home/anna/rec" in unit
    assert "User=anna\n" in unit
    assert f"ReadWritePaths=/home/anna/rec -/home/anna/copy -{tmp_path}\n" in unit


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can open, unlike `tmp_path`."""
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("closed", ["opt", "opt/.venv", "opt/.venv/bin/tawny", ""])
def test_a_program_that_the_services_user_may_not_run_is_refused_with_what_is_closed(
    closed: str, tawny: Tawny, systemctl: Path, monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    """As after `umask 077`. Nothing is refused where nothing is closed."""
    if os.geteuid() != 0:
        pytest.skip("only root can look as another user")
    program = open_folder / "opt" / ".venv" / "bin" / "tawny"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setattr("sys.executable", "/bin/sh")
    monkeypatch.setattr("sys.prefix", str(open_folder / "opt"))
    monkeypatch.setattr("tawny.cli.service.__file__", str(program))
    if closed:
        (open_folder / closed).chmod(0o700)
    tawny("init")
    result = tawny("service", "install", "--units", str(open_folder), "--data", "data", "--user", "nobody")
    assert (result.code, (open_folder / "tawny.service").exists()) == ((3, False) if closed else (0, True)), result
    if closed:
        assert f"can't open {program}: {open_folder / closed} is closed." in result.err
        assert f"sudo chmod -R g+rX '{open_folder / closed}'" in result.err


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize(
    ("closed", "mode", "advice"),
    [
        ("py/bin/python3", 0o700, "chmod o+rX"),
        ("py/bin", 0o700, "chmod o+x"),
        ("py/bin", 0o711, ""),
        ("venv/lib/tawny/cli", 0o711, "chmod -R g+rX"),
        ("venv/lib", 0o711, "chmod -R g+rX"),
    ],
)
def test_what_to_do_about_a_closed_file_or_folder_is_what_is_missing(
    closed: str, mode: int, advice: str, tawny: Tawny, monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    """Files are read, and so are folders of packages: Python lists them. Others are only passed."""
    if os.geteuid() != 0:
        pytest.skip("only root can look as another user")
    python, module = open_folder / "py/bin/python3", open_folder / "venv/lib/tawny/cli/service.py"
    for file in (python, module):
        file.parent.mkdir(parents=True)
        file.touch(mode=0o755)
    monkeypatch.setattr("sys.argv", ["/bin/sh"])
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setattr("sys.prefix", str(open_folder / "venv"))
    monkeypatch.setattr("tawny.cli.service.__file__", str(module))
    (open_folder / closed).chmod(mode)
    tawny("init")
    result = tawny("service", "install", "--units", str(open_folder), "--data", "data", "--user", "nobody")
    assert result.code == (3 if advice else 0)
    assert not advice or f"sudo {advice} '{open_folder / closed}'" in result.err
