"""A PTZ camera is told on its page to follow, and does: it looks into a drawn panorama, in which a person walks.

It speaks ONVIF and sends MJPEG, on loopback; what it shows depends on how the recorder has turned it.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.panorama import PanoramaCamera, Scene, Walker
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import NONE, axe_script, barriers
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_simulator import OnvifSimulator

pytestmark = pytest.mark.browser
WAIT_S = 90
FRAME_S = 0.1
SPEED, TURNS_AT = 5.0, 45.0
"""How fast the person walks, and where it turns round, degrees: beyond what the camera sees from its home position."""
MOVES = ("ContinuousMove", "Stop")


@dataclass
class TurningCamera(OnvifSimulator):
    """Its motors turn the drawn camera. pictures: count of what it has sent."""

    has_events: bool = False
    view: PanoramaCamera = field(init=False)
    walker: Walker = field(init=False)
    entered_s: float = float("inf")
    pictures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    _begun_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.walker = Walker(self._place)
        self.view = PanoramaCamera(Scene([self.walker], "houses"))

    def _place(self, now_s: float) -> tuple[float, float] | None:
        """To and fro, from left to right at first."""
        if now_s < self.entered_s:
            return None
        way = (SPEED * (now_s - self.entered_s) + TURNS_AT - 15) % (4 * TURNS_AT)
        return (way - TURNS_AT if way < 2 * TURNS_AT else 3 * TURNS_AT - way), -2.0

    def enter(self) -> None:
        with self.lock:
            self.entered_s = self._now()

    def _now(self) -> float:
        now_s = time.monotonic() - self._begun_s
        self.view.run_to(now_s)
        return now_s

    def picture(self) -> bytes:
        import cv2

        with self.lock:
            self._now()
            seen = self.view.picture()
            self.pictures += 1
        return bytes(cv2.imencode(".jpg", seen)[1])

    def place(self) -> tuple[float, float]:
        """Return where the person is: how far from the middle of the picture, and of where the camera looks at home."""
        with self.lock:
            now_s = self._now()
            at, off = self.walker.at(now_s), self.view.place_of(self.walker)
        assert at and off
        return abs(off[0]), abs(at[0])

    def moves(self) -> list[tuple[str, dict[str, str]]]:
        return [one for one in list(self.told) if one[0] in MOVES]

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        with self.lock:
            self._now()
            match name:
                case "ContinuousMove":
                    pan, tilt, zoom = (float(values.get(one, "0")) for one in ("PanTilt.x", "PanTilt.y", "Zoom.x"))
                    self.view.order(pan, tilt, zoom, float(values["Timeout"].removeprefix("PT").removesuffix("S")))
                case "Stop":
                    self.view.order(0, 0, 0, 1)
                case "GotoHomePosition":
                    self.view.go_to(0, 0, 0)
                case "GetProfiles":
                    return 200, '<r><Profiles token="turning"><PTZConfiguration/></Profiles></r>'
                case "GetStatus":
                    at = self.view
                    return 200, (
                        f'<r><Position><PanTilt x="{at.pan / 180:.4f}" y="{at.tilt / 90:.4f}"/>'
                        f'<Zoom x="{at.zoom:.4f}"/></Position></r>'
                    )
        return super()._of(name, values, path)


@contextmanager
def streaming(camera: TurningCamera) -> Iterator[int]:
    """Serve what it sees as MJPEG. Yields the port."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with suppress(OSError):
                while not ended.wait(FRAME_S):
                    picture = camera.picture()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def camera() -> Iterator[TurningCamera]:
    made = TurningCamera()
    with served(made):
        yield made


@pytest.fixture(scope="module")
def house(camera: TurningCamera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    with streaming(camera) as port:
        text = f'[cameras.yard]\nsource = "http://127.0.0.1:{port}/video"\nonvif = "{camera.url}"\n'
        yield from with_settings(tmp_path_factory.mktemp("tracking"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    made = owner.new_page()
    made.goto(f"{house.base}/settings/cameras/yard/ptz")
    expect(made.get_by_role("switch", name="Follow people")).to_be_visible()
    yield made
    made.close()


def switch(page: Page, *, on: bool) -> None:
    there = page.get_by_role("switch", name="Follow people")
    if there.get_attribute("aria-checked") != str(on).lower():
        there.click()
    expect(there).to_have_attribute("aria-checked", str(on).lower())


def phase(page: Page, house: Tawny) -> str:
    answer = page.request.get(f"{house.base}/api/v1/cameras/yard/tracking")
    return str(answer.json()["phase"])


def switch_on_for_all(page: Page, house: Tawny) -> None:
    """Switch on, and wait until it watches or follows anything that moves."""
    switch(page, on=True)
    anything = page.get_by_role("button", name="Anything that moves")
    if anything.get_attribute("aria-pressed") == "false":
        anything.click()
    expect(anything).to_have_attribute("aria-pressed", "true")
    until(lambda: phase(page, house) in ("watching", "following"), WAIT_S, "it watches")


def test_switched_on_it_keeps_who_walks_in_its_picture(page: Page, house: Tawny, camera: TurningCamera) -> None:
    """Further than it sees without turning. Each move ends by itself, should the recorder fail meanwhile."""
    switch_on_for_all(page, house)
    assert barriers(page, axe_script()) == NONE
    camera.enter()
    until(lambda: phase(page, house) == "following", WAIT_S, "it follows")
    expect(page.get_by_text("Following", exact=True)).to_be_visible()

    def is_kept() -> bool:
        off, away = camera.place()
        return away > 30 and off <= 1 / 6

    until(is_kept, WAIT_S, "the person is in the middle, where the camera does not look at home")
    moves = [values for name, values in camera.moves() if name == "ContinuousMove"]
    assert moves
    assert {one["Timeout"] for one in moves} == {"PT1S"}


def test_switched_off_it_goes_home(page: Page, house: Tawny, camera: TurningCamera) -> None:
    camera.told.clear()
    switch(page, on=False)
    until(lambda: "GotoHomePosition" in camera.done(), WAIT_S, "it goes home")
    assert phase(page, house) == "off"
    assert "enabled = true" not in (house.folder.parent / "tawny.toml").read_text()


def test_in_another_mode_it_stands_still(page: Page, house: Tawny, camera: TurningCamera) -> None:
    switch(page, on=True)
    modes = page.get_by_role("group", name="In these modes")
    modes.get_by_role("button", name="Home").click()
    expect(modes.get_by_role("button", name="Home")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("Not in this mode")).to_be_visible(timeout=30_000)
    assert phase(page, house) == "mode"
    modes.get_by_role("button", name="Home").click()
    expect(modes.get_by_role("button", name="Home")).to_have_attribute("aria-pressed", "true")


def test_who_moves_it_by_hand_has_it(page: Page, owner: BrowserContext, house: Tawny, camera: TurningCamera) -> None:
    """It follows nothing until the pause is over, whoever walks there."""
    switch_on_for_all(page, house)
    camera.enter()
    until(lambda: phase(page, house) == "following", WAIT_S, "it follows")
    live = owner.new_page()
    live.goto(f"{house.base}/live/yard")
    live.get_by_role("button", name="Move", exact=True).click()
    button = live.get_by_role("button", name="Pan right")
    button.hover()
    live.mouse.down()
    until(lambda: any(one.get("PanTilt.x") == "0.5" for _, one in camera.moves()), WAIT_S, "it turns by hand")
    live.mouse.up()
    expect(page.get_by_text("Paused: moved by hand")).to_be_visible()
    until(lambda: camera.moves()[-1][0] == "Stop", WAIT_S, "it stops")
    count, pictures = len(camera.moves()), camera.pictures
    until(lambda: camera.pictures > pictures + 20, WAIT_S, "it shows what happens")
    assert {name for name, _ in camera.moves()[count:]} <= {"Stop"}
    live.close()


def test_limits_are_set_where_it_looks(page: Page, house: Tawny, camera: TurningCamera) -> None:
    """Both edges of an axis, in any order; nothing is saved for one alone."""
    switch(page, on=True)
    page.get_by_text("Limits", exact=True).click()
    with camera.lock:
        camera.view.go_to(30, 0, 0)
    until(lambda: camera.picture() and camera.view.pan == 30, WAIT_S, "it is there")
    page.get_by_role("button", name="Right edge").click()
    expect(page.get_by_text("Now set the opposite edge.")).to_be_visible()
    with camera.lock:
        camera.view.go_to(-30, 0, 0)
    until(lambda: camera.picture() and camera.view.pan == -30, WAIT_S, "it is there")
    page.get_by_role("button", name="Left edge").click()
    expect(page.get_by_text("Now set the opposite edge.")).to_have_count(0)
    text = (house.folder.parent / "tawny.toml").read_text()
    assert "pan = [-0.167, 0.167]" in text
    expect(page.get_by_role("button", name="Left edge")).to_have_text("Left edge-0.167")
    page.get_by_role("button", name="No limits").click()
    expect(page.get_by_role("button", name="Left edge")).to_have_text("Left edge")
    assert "pan =" not in (house.folder.parent / "tawny.toml").read_text()


def test_it_is_calibrated_on_its_page(page: Page, house: Tawny, camera: TurningCamera) -> None:
    """It turns a little to each side and back, and what was measured is kept."""
    switch(page, on=True)
    with camera.lock:
        camera.entered_s = float("inf")
    expect(page.get_by_text("Not calibrated yet.")).to_be_visible()
    camera.told.clear()
    running = page.get_by_role("button", name="Calibrating…")

    def is_begun() -> bool:
        if running.count() == 0:  # not yet, or it was refused
            page.get_by_role("button", name="Calibrate").click()
        page.wait_for_timeout(300)
        return any(name == "ContinuousMove" for name, _ in camera.moves())

    until(is_begun, WAIT_S, "it is calibrated: who steered it before has it for some seconds")
    expect(running).to_be_disabled()
    expect(page.get_by_text("Calibrated. Delay:")).to_be_visible(timeout=WAIT_S * 1000)
    ways = {one["PanTilt.x"] for name, one in camera.moves() if name == "ContinuousMove"}
    assert {"0.15", "-0.15"} <= ways
    made = page.request.get(f"{house.base}/api/v1/cameras/yard/tracking").json()
    assert made["calibrated_ms"] > 0
    assert 0 < made["latency_s"] < 1.5
    page.reload()
    expect(page.get_by_text("Calibrated. Delay:")).to_be_visible()
