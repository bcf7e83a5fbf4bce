"""The first hour of a newcomer: `tawny run` with an empty home, the link, and what other computers get until then.

Other computers are network namespaces, which need root.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tawny.api.application import make_routes
from tawny.api.auth.access import check_routes
from tawny.model.times import SystemClock
from tawny.testing.waiting import until
from tests.support.ports import free_port
from tests.support.processes import ended

TAWNY = str(Path(sys.executable).with_name("tawny"))
LINK = re.compile(r"http://([^\s/]+):(\d+)/setup#token=([\w-]{43})")
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
AS_USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups",
    "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]  # fmt: skip
"""Another user, who may read the program wherever it is installed."""
PASSWORD = "correct horse battery"


@dataclass
class Newcomer:
    """An empty home and an empty folder. before: words before the command."""

    root: Path
    before: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in (self.home, self.folder):
            folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0 and self.before:
                os.chown(folder, 1000, 1000)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def folder(self) -> Path:
        return self.root / "folder"

    @property
    def data(self) -> Path:
        return self.home / ".local" / "share" / "tawny"

    @property
    def env(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self.before, TAWNY, *words]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60)

    def link(self) -> str:
        return str(json.loads(self.do("setup-link", "--json").stdout)["token"])

    @contextmanager
    def running(self, *words: str, before: list[str] | None = None) -> Iterator["Running"]:
        """`tawny run` until the block ends; it must end well."""
        log = self.root / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*(self.before if before is None else before), TAWNY, "run", *words],
                cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            until(lambda: "tawny is " in log.read_text() or process.poll() is not None, 60, "the first words")
            assert process.poll() is None, log.read_text()
            yield Running(process, log)
        finally:
            code = ended(process)
        assert (code, "Traceback" in log.read_text()) == (0, False), log.read_text()

    def written(self) -> set[str]:
        """Everything below the root but the log, relative to it."""
        return {str(one.relative_to(self.root)) for one in self.root.rglob("*") if one.name != "log"}


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def links(self) -> list[tuple[str, int, str]]:
        return [(host, int(port), token) for host, port, token in LINK.findall(self.said)]

    @property
    def port(self) -> int:
        return self.links[0][1]


def ask(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Return status and body of a request to this computer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    ours = {"X-Tawny": "1", "Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), ours | (headers or {}))
        reply = connection.getresponse()
        text = reply.read().decode()
        cookie = (reply.headers.get("Set-Cookie") or "").partition(";")[0]
    finally:
        connection.close()
    found = json.loads(text) if text.startswith("{") else text
    return reply.status, found | {"cookie": cookie} if isinstance(found, dict) else found


def claim(port: int, token: str) -> tuple[int, Any]:
    return ask(port, "POST", "/api/v1/setup/claim", {"token": token, "name": "Anna", "password": PASSWORD})


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    """A user who isn't root; the tests run as root in containers."""
    return Newcomer(tmp_path / "new", AS_USER if os.geteuid() == 0 else [])


def test_an_empty_home_gets_the_setup_page_within_five_seconds(newcomer: Newcomer) -> None:
    clock = SystemClock()
    begun_s = clock.mono_s()
    with newcomer.running() as tawny:
        assert ask(tawny.port, "GET", "/setup")[0] in (200, 503)
        assert clock.mono_s() - begun_s < 5 * slowness()
        assert {host for host, _, _ in tawny.links} >= {f"{socket.gethostname().partition('.')[0].lower()}.local"}
        assert len({(port, token) for _, port, token in tawny.links}) == 1
        assert "expires in 30 minutes" in tawny.said
        assert "`tawny setup-link`" in tawny.said
        assert "\x1b" not in tawny.said, "no QR code where nobody can scan it"
        config = newcomer.data / "tawny.toml"
        assert (config.stat().st_mode & 0o777, newcomer.data.stat().st_mode & 0o777) == (0o600, 0o700)
        outside = {one for one in newcomer.written() if not one.startswith("home/.local")}
        assert outside == {"home", "folder"}
        status = newcomer.do("status")
        assert (status.returncode, "No cameras" in status.stdout) == (0, True)


def slowness() -> float:
    """How much longer things take here than on an idle computer."""
    return 1 + os.getloadavg()[0] / (os.cpu_count() or 1)


def test_account_and_port_stay_and_the_link_works_once(newcomer: Newcomer) -> None:
    with newcomer.running() as tawny:
        port, token = tawny.port, tawny.links[0][2]
        assert claim(port, "x" * 43)[0] == 410
        assert claim(port, token)[0] == 200
        assert claim(port, token)[0] == 410
        text = (newcomer.data / "tawny.toml").read_text()
    with newcomer.running() as tawny:
        assert f":{port}" in tawny.said
        assert tawny.links == []
        assert ask(port, "GET", "/api/v1/session")[1]["state"] == "signed-out"
        assert (newcomer.data / "tawny.toml").read_text() == text
        again = newcomer.link()
        assert claim(port, again)[0] == 200, "sets a new password"


def test_a_new_link_replaces_the_printed_one(newcomer: Newcomer) -> None:
    with newcomer.running() as tawny:
        new = newcomer.link()
        assert claim(tawny.port, tawny.links[0][2])[0] == 410
        assert claim(tawny.port, new)[0] == 200


def test_a_port_that_is_taken_gives_way_to_the_next(newcomer: Newcomer) -> None:
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            pass  # another program has it already
        with newcomer.running() as tawny:
            assert 8000 < tawny.port < 8100
            assert re.search(rf'listen = ".*:{tawny.port}"', (newcomer.data / "tawny.toml").read_text())


@pytest.mark.parametrize("place", ["folder/tawny.toml", "home/.config/tawny/tawny.toml"])
def test_settings_that_exist_keep_their_address_and_folder(newcomer: Newcomer, place: str) -> None:
    port = free_port()
    config = newcomer.root / place
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[web]\nlisten = "127.0.0.1:{port}"\n')
    with newcomer.running() as tawny:
        assert [(host, number) for host, number, _ in tawny.links] == [("127.0.0.1", port)]
        assert not (newcomer.data / "tawny.toml").exists()


def test_recordings_of_an_earlier_version_are_found(newcomer: Newcomer) -> None:
    former = newcomer.home / "tawny"
    (former / "history").mkdir(parents=True)
    for folder in (former, former / "history"):
        if os.geteuid() == 0:
            os.chown(folder, 1000, 1000)
    with newcomer.running():
        assert (former / "tawny.toml").exists()
        assert (former / "tawny.db").exists()
        assert not newcomer.data.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--listen", "here"), "HOST:PORT"), (("--memory", "64 MB"), "pass a source"), (("--data", "/proc/x"), "/proc")],
)
def test_what_is_wrong_is_said_and_nothing_is_written(newcomer: Newcomer, words: tuple[str, ...], says: str) -> None:
    done = newcomer.do("run", *words)
    assert done.returncode != 0
    assert says in done.stderr
    assert newcomer.written() == {"home", "folder"}


@NEEDS_ROOT
def test_root_records_to_var_lib(tmp_path: Path) -> None:
    """In a mount namespace, whose /var/lib is empty."""
    root = Newcomer(tmp_path / "new", [])
    script = 'mount -t tmpfs none /var/lib && exec "$@"'
    in_namespace = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    with root.running(before=in_namespace) as tawny:
        until(lambda: tawny.links, 60, "the link")
        inside = Path(f"/proc/{tawny.process.pid}/root/var/lib/tawny")
        assert (inside / "tawny.toml").stat().st_mode & 0o777 == 0o600
        assert (inside / "accounts.db").exists()
        assert root.written() == {"home", "folder"}


# Another computer in the network: a namespace at the other end of a cable.

HERE, THERE = "10.87.58.1", "10.87.58.2"
PROBE = """
import http.client, json, sys
asked = json.load(sys.stdin)
found = {}
for method, path, headers in asked["requests"]:
    connection = http.client.HTTPConnection(asked["host"], asked["port"], timeout=20)
    connection.request(method, path, "{}" if method in ("POST", "PUT", "PATCH") else None, headers)
    reply = connection.getresponse()
    text = "" if reply.status == 200 and "multipart" in reply.headers.get("Content-Type", "") else reply.read().decode()
    code = json.loads(text).get("code", "") if text.startswith("{") else ""
    found[method + " " + path] = [reply.status, code]
    connection.close()
print(json.dumps(found))
"""


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[str]:
    """The name of a namespace that is connected to this one."""
    name = f"tawny-{os.getpid()}"
    link = f"tw{os.getpid() % 100_000}"
    quietly = {"check": True, "capture_output": True}
    subprocess.run(["ip", "netns", "add", name], **quietly)  # type: ignore[call-overload]
    try:
        for words in (
            f"link add {link}a type veth peer name {link}b netns {name}",
            f"addr add {HERE}/24 dev {link}a",
            f"link set {link}a up",
            f"-n {name} addr add {THERE}/24 dev {link}b",
            f"-n {name} link set {link}b up",
        ):
            subprocess.run(["ip", *words.split()], **quietly)  # type: ignore[call-overload]
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], **quietly)  # type: ignore[call-overload]


def from_there(name: str, port: int, requests: list[tuple[str, str, dict[str, str]]]) -> dict[str, tuple[int, str]]:
    """Return status and error code of each request, sent by the other computer."""
    asked = json.dumps({"host": HERE, "port": port, "requests": requests})
    done = subprocess.run(
        ["ip", "netns", "exec", name, sys.executable, "-c", PROBE], input=asked, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {key: (value[0], value[1]) for key, value in json.loads(done.stdout).items()}


def every_request() -> list[tuple[str, str, dict[str, str]]]:
    """Each route of the application once, sockets as the request that opens them."""
    found = []
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": f"http://{HERE}"}  # fmt: skip
    for route in check_routes(make_routes()):
        method, path = route.split(" ")
        path = re.sub(r"\{[^}]*\}", "none", path)
        found.append(("GET", path, upgrade) if method == "WS" else (method, path, {}))
    return found


OPEN_TO_ALL = {
    "GET /setup", "HEAD /setup", "GET /api/v1/session", "POST /api/v1/setup/claim", "POST /api/v1/setup/restore",
    "POST /api/v1/setup/restore/file", "GET /api/v1/languages", "GET /api/v1/languages/none",
}  # fmt: skip
"""Those that change something ask for the one-time link."""


@NEEDS_ROOT
def test_other_computers_get_nothing_until_there_is_an_owner(newcomer: Newcomer, neighbour: str) -> None:
    settings = newcomer.folder / "tawny.toml"
    rtsp, port = free_port(), free_port()
    settings.write_text(
        f'[web]\nlisten = "0.0.0.0:{port}"\nrtsp = "0.0.0.0:{rtsp}"\n[cameras.porch]\nsource = "demo:"\n'
    )
    with newcomer.running() as tawny:
        before = from_there(neighbour, port, every_request())
        assert before.keys() >= OPEN_TO_ALL
        closed = {route: answer for route, answer in before.items() if route not in OPEN_TO_ALL}
        wrong = {route: answer for route, answer in closed.items() if answer[0] != 403}
        assert wrong == {}
        assert {code for route, (_, code) in closed.items() if not route.startswith("HEAD")} <= {"not_set_up", ""}
        token = json.loads(newcomer.do("tokens", "create", "TV", "--json").stdout)
        assert "Unauthorized" in describe_rtsp(neighbour, rtsp, token)
        assert claim(port, tawny.links[0][2])[0] == 200
        after = from_there(neighbour, port, [one for one in every_request() if one[0] == "GET" and not one[2]])
        assert {route for route, (_, code) in after.items() if code == "not_set_up"} == set()
        assert after["GET /"][0] in (200, 503)
        assert after["GET /api/v1/cameras"] == (401, "signed_out")
        assert "Unauthorized" not in describe_rtsp(neighbour, rtsp, token)


DESCRIBE = """
import json, socket, sys
sys.path[:0] = json.loads(sys.argv[4])
from tawny.protocols import digest_auth
host, port, user, secret = sys.argv[1], int(sys.argv[2]), *json.loads(sys.argv[3])
url = f"rtsp://{host}:{port}/porch"
with socket.create_connection((host, port), 10) as line:
    def ask(number, more=""):
        line.sendall(f"DESCRIBE {url} RTSP/1.0\\r\\nCSeq: {number}\\r\\n{more}\\r\\n".encode())
        return line.recv(65536).decode()
    nonce = ask(1).split('nonce="')[1].split('"')[0]
    realm = digest_auth.REALM
    import hashlib
    h = lambda text: hashlib.md5(text.encode()).hexdigest()
    answer = h(f"{h(f'{user}:{realm}:{secret}')}:{nonce}:{h(f'DESCRIBE:{url}')}")
    said = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}", response="{answer}"'
    print(ask(2, f"Authorization: {said}\\r\\n").splitlines()[0])
"""


def describe_rtsp(name: str, port: int, token: dict[str, Any]) -> str:
    """Return the first line of the answer to a right access token."""
    login = json.dumps([token["id"], token["secret"]])
    words = [HERE, str(port), login, json.dumps(sys.path)]
    done = subprocess.run(
        ["ip", "netns", "exec", name, sys.executable, "-c", DESCRIBE, *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_folder_takes_effect_with_a_new_start_and_keeps_the_account(newcomer: Newcomer) -> None:
    new = newcomer.home / "disk"
    with newcomer.running() as tawny:
        port = tawny.port
        signed = {"Cookie": claim(port, tawny.links[0][2])[1]["cookie"]}
        added = ask(port, "POST", "/api/v1/cameras", {"name": "Porch", "address": "demo:"}, signed)
        assert added[0] == 201, added
        assert state_of(port, signed, "cameras") == "done"
        storage = "/api/v1/setup/storage"
        until(lambda: list(newcomer.data.rglob("*.mp4")), 60, "a recording")
        now = ask(port, "GET", storage, headers=signed)[1]
        assert (now["path"], now["can_restart"], now["fixed"]) == (str(newcomer.data), True, "")
        assert [one["path"] for one in now["disks"] if one["current"]] == [str(newcomer.data)]
        done = ask(port, "PUT", storage, {"path": str(new), "days": 30, "leave": True}, signed)
        assert done[0] == 200, done
        assert (done[1]["restart"], done[1]["storage"]["next_path"]) == (True, str(new))
        assert state_of(port, signed, "storage") == "done"
        assert ask(port, "POST", "/api/v1/restart", {}, signed)[0] == 200
        until(lambda: path_now(port, signed) == str(new), 60, "the new folder")
        assert ask(port, "GET", storage, headers=signed)[1]["max_days"] == 30
        assert state_of(port, signed, "storage") == "done"
        assert list(newcomer.data.rglob("*.mp4")), "what was recorded before stays"
        until(lambda: list(new.rglob("*.mp4")), 60, "recordings in the new folder")
        assert "No cameras" not in newcomer.do("status").stdout, "commands find the new folder"


def path_now(port: int, signed: dict[str, str]) -> str:
    """Return the folder in use; empty while tawny starts again."""
    try:
        return str(ask(port, "GET", "/api/v1/setup/storage", headers=signed)[1]["path"])
    except (OSError, http.client.HTTPException):
        return ""


def state_of(port: int, signed: dict[str, str], step: str) -> str:
    steps = ask(port, "GET", "/api/v1/setup", headers=signed)[1]["steps"]
    return str(next(one["state"] for one in steps if one["id"] == step))
