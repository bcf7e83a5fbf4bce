"""A camera whose image is turned in every way: each thing that shows it shows it so, and no stored packet changes."""

import io
import json
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.media.codec.decoder import stated_by
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.geometry import ORIENTATIONS, Orientation
from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, telegram, with_settings
from tests.support.corners import HEIGHT, WIDTH, corner_video, corners_of, wanted

pytestmark = pytest.mark.browser
IDS = [f"{one.rotate}{'-mirrored' if one.mirror else ''}" for one in ORIENTATIONS]
every = pytest.mark.parametrize("number", range(len(ORIENTATIONS)), ids=IDS)
NOW = (1, 4, 7)
"""What a browser shows of each way to turn or mirror; of all of them together with `--long`."""
each_now = pytest.mark.parametrize(
    "number", [pytest.param(n, id=IDS[n], marks=() if n in NOW else pytest.mark.long) for n in range(len(IDS))]
)
ONLY_THE_PICTURE = """(shown) => {
  const style = new CSSStyleSheet();
  const seen = '.the-picture, .private-cover * { visibility: visible !important }';
  style.replaceSync(`* { visibility: hidden !important } ${seen}`);
  document.adoptedStyleSheets = [style];
  shown.classList.add('the-picture');
  const wide = shown.videoWidth || shown.naturalWidth || shown.width;
  const high = shown.videoHeight || shown.naturalHeight || shown.height;
  return [wide, high, getComputedStyle(shown).objectFit];
}"""
SHOWN = """(count) => {
  const pictures = [...document.querySelectorAll("img.live-picture")];
  return pictures.filter((one) => one.naturalWidth > 0).length >= count;
}"""
HAS_PICTURE = "one => (one.videoWidth ?? one.naturalWidth ?? one.width) > 0"
RECORDED_S = 6.0
CHAT = (
    '[notifiers.chat]\nurl = "telegram://123:token@42"\napi = "{base}"\nclip = "none"\nmin_interval = "0 s"\n'
    'levels = ["alert", "detection", "motion"]\n'
)


@pytest.fixture(scope="module")
def chat() -> Iterator[StandIn]:
    with served(StandIn(telegram)) as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, chat: StandIn) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("turned")
    video = corner_video(folder / "corners.mp4")
    cameras = [
        f'[cameras.c{number}]\nsource = "file:{video}"\nfile.loop = true\ndetection.detector = "off"\n'
        f"rotate = {one.rotate}\nmirror = {json.dumps(one.mirror)}\n"
        for number, one in enumerate(ORIENTATIONS)
    ]
    cameras.append(
        f'[cameras.masked]\nsource = "file:{video}"\nfile.loop = true\ndetection.detector = "off"\n'
        "rotate = 90\nprivacy_masks = [[[0.6, 0.0], [1.0, 0.0], [1.0, 0.4], [0.6, 0.4]]]\n"  # the red corner
    )
    yield from with_settings(folder, CHAT.format(base=chat.base) + "".join(cameras))


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    until(lambda: recorded_ms(context, house, "c0") is not None, 60, "something is recorded")
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    made = owner.new_page()
    yield made
    made.close()


def recorded_ms(owner: BrowserContext, house: Tawny, camera: str) -> int | None:
    """An instant in the middle of what is recorded of a camera without a break; None while that is too short."""
    asked = f"{house.base}/api/v1/timeline?from_ms={86_400_000}&to_ms={2 * 86_400_000}"
    now_ms = owner.request.get(asked).json()["now_ms"]
    asked = f"{house.base}/api/v1/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}"
    lanes = {lane["id"]: lane["spans"] for lane in owner.request.get(asked).json()["cameras"]}
    long = [span for span in lanes[camera] if span[1] - span[0] >= RECORDED_S * 1000]
    return (long[-1][0] + long[-1][1]) // 2 if long else None


def picture_of(page: Page, selector: str) -> Any:
    """Return what is on the screen of a picture, without its borders: uint8 [height, width, 3]."""
    found = page.locator(selector).first
    width, height, fit = found.evaluate(ONLY_THE_PICTURE)
    return without_borders(jpeg(found.screenshot()), width, height, fit)


def without_borders(seen: Any, width: int, height: int, fit: str) -> Any:
    """Return the part that the image fills. wide, high, fit: of the image in its place."""
    assert fit in ("contain", "cover", "fill")
    scale = min(seen.shape[1] / width, seen.shape[0] / height)
    across, down = round(width * scale), round(height * scale)
    left, top = (seen.shape[1] - across) // 2, (seen.shape[0] - down) // 2
    return seen[top : top + down, left : left + across] if fit == "contain" else seen


def jpeg(data: bytes) -> Any:
    """Return a JPEG or PNG, uint8 [height, width, 3]."""
    read: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return read[:, :, ::-1]


def first_frame(data: bytes, folder: Path) -> tuple[Any, Orientation, Any]:
    """Return a file's first frame as sent, what the file says of its orientation, and the frame as FFmpeg shows it."""
    with av.open(io.BytesIO(data), "r") as opened:
        frame = next(opened.decode(video=0))
        sent, stated = frame.to_ndarray(format="rgb24"), stated_by(frame)
    file, image = folder / "clip.mp4", folder / "clip.png"
    file.write_bytes(data)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", file, "-frames:v", "1", image], check=True, timeout=60)
    return sent, stated, jpeg(image.read_bytes())


@each_now
def test_live_on_its_own_page(page: Page, house: Tawny, number: int) -> None:
    page.goto(f"{house.base}/live/c{number}")
    page.wait_for_selector(f"[data-camera=c{number}][data-view=playing]", timeout=60_000)
    expect(page.locator(f"[data-camera=c{number}]")).to_have_attribute("data-way", "socket")
    assert corners_of(picture_of(page, f"[data-camera=c{number}] video")) == wanted(ORIENTATIONS[number])


@pytest.mark.parametrize(
    ("way", "number"),
    [pytest.param("webrtc", n, marks=() if n in NOW else pytest.mark.long) for n in range(len(ORIENTATIONS))]
    + [(way, number) for way in ("hls", "pictures", "mjpeg") for number in (3, 5)],
    ids=lambda one: IDS[one] if isinstance(one, int) else one,
)
def test_live_by_every_other_way(page: Page, house: Tawny, way: str, number: int) -> None:
    page.goto(f"{house.base}/live/c{number}?way={way}")
    page.wait_for_selector(f"[data-camera=c{number}][data-view=playing]", timeout=60_000)
    selector = f"[data-camera=c{number}] .live-picture"
    until(lambda: page.locator(selector).first.evaluate(HAS_PICTURE), 60, "a picture")
    assert corners_of(picture_of(page, selector)) == wanted(ORIENTATIONS[number])


def test_motion_jpeg_leaves_connections_for_the_rest(page: Page, house: Tawny) -> None:
    """Browsers open six to a host: with nine cameras, nothing else could be asked for, not even the next page."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{house.base}/live/c3?way=mjpeg")
    page.wait_for_function(SHOWN, arg=1 + 5, timeout=60_000)  # the others in the list are out of sight
    assert 1 <= len([one for one in asked if "/mjpeg?" in one]) <= 3
    page.goto(f"{house.base}/live/c5?way=mjpeg")
    page.wait_for_selector("[data-camera=c5][data-view=playing]", timeout=60_000)


def test_all_on_the_wall(page: Page, house: Tawny) -> None:
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.goto(house.base)
    for number in range(len(ORIENTATIONS)):
        page.wait_for_selector(f"[data-camera=c{number}][data-view=playing]", timeout=60_000)
    boxes = {}
    for number in range(len(ORIENTATIONS)):
        video = page.locator(f"[data-camera=c{number}] video").first
        boxes[number] = (*video.evaluate(ONLY_THE_PICTURE), video.bounding_box())
    seen = jpeg(page.screenshot())
    for number, one in enumerate(ORIENTATIONS):
        width, height, fit, box = boxes[number]
        left, top = round(box["x"]), round(box["y"])
        tile = seen[top : top + round(box["height"]), left : left + round(box["width"])]
        assert corners_of(without_borders(tile, width, height, fit)) == wanted(one), one


@each_now
def test_playback(page: Page, owner: BrowserContext, house: Tawny, number: int) -> None:
    at_ms = recorded_ms(owner, house, f"c{number}")
    assert at_ms is not None
    page.goto(f"{house.base}/timeline?cam=c{number}&t={at_ms / 1000:.2f}&span=120")
    page.wait_for_selector(f".pl[data-camera=c{number}][data-showing=video]", timeout=60_000)
    shown = f".pl[data-camera=c{number}] video"
    page.wait_for_function("(shown) => document.querySelector(shown).readyState >= 2", arg=shown, timeout=60_000)
    assert corners_of(picture_of(page, shown)) == wanted(ORIENTATIONS[number])


def test_playback_by_webrtc(page: Page, owner: BrowserContext, house: Tawny) -> None:
    at_ms = recorded_ms(owner, house, "c5")
    assert at_ms is not None
    page.goto(f"{house.base}/timeline?cam=c5&t={at_ms / 1000:.2f}&span=120&way=webrtc")
    page.wait_for_selector(".pl[data-camera=c5][data-showing=video]", timeout=60_000)
    page.wait_for_function("() => document.querySelector('.pl video').srcObject !== null", timeout=60_000)
    until(lambda: page.evaluate("document.querySelector('.pl video').style.scale") == "-1 1", 60, "it is mirrored")
    assert corners_of(picture_of(page, ".pl[data-camera=c5] video")) == wanted(ORIENTATIONS[5])


@every
def test_still_images(owner: BrowserContext, house: Tawny, number: int) -> None:
    at_ms = recorded_ms(owner, house, f"c{number}")
    camera = f"{house.base}/api/v1/cameras/c{number}"
    for path in (
        "snapshot?width=1280",
        "snapshot?width=160",
        f"frame?at_ms={at_ms}&width=320",
        f"picture?at_ms={at_ms}",
    ):
        answer = owner.request.get(f"{camera}/{path}")
        assert answer.ok, answer.text()
        assert corners_of(jpeg(answer.body())) == wanted(ORIENTATIONS[number]), path


@every
def test_motion_jpeg(owner: BrowserContext, house: Tawny, number: int) -> None:
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in owner.cookies(house.base))
    asked = Request(f"{house.base}/api/v1/cameras/c{number}/mjpeg?width=320&fps=5", headers={"Cookie": cookies})
    with urlopen(asked, timeout=60) as answer:
        head = b""
        while b"\r\n\r\n" not in head:
            head += answer.read(1)
        length = re.search(rb"Content-Length: (\d+)", head, re.IGNORECASE)
        assert length, head
        assert corners_of(jpeg(answer.read(int(length[1])))) == wanted(ORIENTATIONS[number])


@every
@pytest.mark.parametrize("when", ["live", "past"])
def test_hls_for_players(owner: BrowserContext, house: Tawny, tmp_path: Path, number: int, when: str) -> None:
    """Header and a segment of its list, as a player reads them."""
    hls = f"{house.base}/api/v1/cameras/c{number}/hls"
    at_ms = recorded_ms(owner, house, f"c{number}")
    place = (
        f"{hls}/main/live.m3u8" if when == "live" else f"{hls}/past.m3u8?from_ms={at_ms}&to_ms={(at_ms or 0) + 2000}"
    )
    lines = owner.request.get(place).text().splitlines()
    header = next(line for line in lines if line.startswith("#EXT-X-MAP")).split('"')[1]
    segment = [line for line in lines if line and not line.startswith("#")][
        -1 if when == "live" else 0
    ]  # the oldest expire
    data = b"".join(owner.request.get(urljoin(place, each)).body() for each in (header, segment))
    sent, stated, shown = first_frame(data, tmp_path)
    assert stated == ORIENTATIONS[number]
    assert corners_of(sent) == wanted(ORIENTATIONS[0])
    assert corners_of(shown) == wanted(ORIENTATIONS[number])


def exported(owner: BrowserContext, house: Tawny, cameras: list[str], **asked: object) -> dict[str, bytes]:
    """The files of an export, by camera; all together if there is one."""
    at_ms = recorded_ms(owner, house, cameras[0])
    assert at_ms is not None
    wish = {"cameras": cameras, "from_ms": at_ms - 1500, "to_ms": at_ms + 1500, **asked}
    made = owner.request.post(f"{house.base}/api/v1/clips", data=wish, headers={**OURS, "Origin": house.base})
    assert made.ok, made.text()
    ids = {one["id"] for one in made.json()["items"]}

    def done() -> list[dict[str, Any]]:
        found = [one for one in owner.request.get(f"{house.base}/api/v1/clips").json()["items"] if one["id"] in ids]
        assert not [one for one in found if one["state"] == "failed"], found
        return found if all(one["state"] == "done" for one in found) else []

    until(done, 120, f"the export {asked}")
    return {",".join(one["cameras"]): owner.request.get(house.base + one["file"]).body() for one in done()}


@pytest.mark.parametrize(
    "asked",
    [{"kind": "gif"}, {"kind": "timelapse", "speed": 2}, {"kind": "sheet"}, {"kind": "mp4", "boxes": True}],
    ids=lambda asked: asked["kind"],
)
def test_exports(owner: BrowserContext, house: Tawny, tmp_path: Path, asked: dict[str, Any]) -> None:
    """Of all cameras, whose images are turned by the encoder or by the player."""
    cameras = [f"c{number}" for number in range(len(ORIENTATIONS))]
    for camera, data in exported(owner, house, cameras, **asked).items():
        orientation = ORIENTATIONS[int(camera[1:])]
        image = jpeg(data) if asked["kind"] == "sheet" else first_frame(data, tmp_path)[2]
        width, height = orientation.size(WIDTH, HEIGHT)
        across = 320 if asked["kind"] == "sheet" else image.shape[1]
        image = image[
            : round(across / width * height), :across
        ]  # a sheet's first picture; above the time of a time-lapse
        assert corners_of(image) == wanted(orientation), (camera, image.shape)


def test_cameras_side_by_side(owner: BrowserContext, house: Tawny, tmp_path: Path) -> None:
    cameras = [f"c{number}" for number in range(len(ORIENTATIONS))]
    (data,) = exported(owner, house, cameras, kind="side-by-side").values()
    image = first_frame(data, tmp_path)[2]
    for number, orientation in enumerate(ORIENTATIONS):
        left, top = number % 3 * 480, number // 3 * 270
        cell = image[top : top + 270, left : left + 480]
        shown = without_borders(cell, *orientation.size(WIDTH, HEIGHT), "contain")
        assert corners_of(shown) == wanted(orientation), orientation


def test_events_and_what_is_sent_of_them(owner: BrowserContext, house: Tawny, chat: StandIn, tmp_path: Path) -> None:
    """The image of an event, the clips of events in a ZIP file, and the images of their notifications."""
    events = {}
    for number in range(len(ORIENTATIONS)):
        order = {"command": "event.open", "camera": f"c{number}", "kind": "bell", "for": 3}
        made = owner.request.post(f"{house.base}/api/v1/orders", data=order, headers={**OURS, "Origin": house.base})
        assert made.ok, made.text()
        events[number] = str(made.json()["event"])
    about = f"{house.base}/api/v1/events"

    def ended(event: str) -> bool:
        return owner.request.get(f"{about}/{event}").json()["end_ms"] is not None

    until(lambda: all(map(ended, events.values())), 60, "their end")
    for number, event in events.items():
        assert corners_of(jpeg(owner.request.get(f"{house.base}/media/{event}.jpg").body())) == wanted(
            ORIENTATIONS[number]
        )
    zipped = owner.request.get(f"{house.base}/media/clips.zip?events={','.join(events.values())}")
    assert zipped.ok, zipped.text()
    with zipfile.ZipFile(io.BytesIO(zipped.body())) as found:
        clips = {name: found.read(name) for name in found.namelist() if name.endswith(".mp4")}
    stated = [first_frame(data, tmp_path) for data in clips.values()]
    assert {one for _, one, _ in stated} == set(ORIENTATIONS)
    for _, one, shown in stated:
        assert corners_of(shown) == wanted(one)

    def photos() -> list[bytes]:
        return [one.form["photo"] for one in chat.asked if one.path.endswith("sendPhoto")]

    until(lambda: len(photos()) >= len(ORIENTATIONS), 60, "all notifications")
    assert sorted(corners_of(jpeg(one)) for one in photos()) == sorted(map(wanted, ORIENTATIONS))


@pytest.mark.parametrize("number", [1, 4, 7], ids=[IDS[1], IDS[4], IDS[7]])
def test_a_shared_link(page: Page, owner: BrowserContext, house: Tawny, number: int) -> None:
    at_ms = recorded_ms(owner, house, f"c{number}")
    assert at_ms is not None
    wish = {"camera": f"c{number}", "from_ms": at_ms - 1500, "to_ms": at_ms + 1500, "lasts_s": 3600}
    made = owner.request.post(f"{house.base}/api/v1/shares", data=wish, headers={**OURS, "Origin": house.base})
    assert made.ok, made.text()
    link = made.json()["link"]
    page.goto(link if link.startswith("http") else house.base + link)
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2", timeout=60_000)
    assert corners_of(picture_of(page, "video")) == wanted(ORIENTATIONS[number])


@every
@pytest.mark.parametrize("exact", [False, True], ids=["from-a-keyframe", "exact"])
def test_a_clip_keeps_the_packets_and_states_the_orientation(
    owner: BrowserContext, house: Tawny, tmp_path: Path, number: int, exact: bool
) -> None:
    at_ms = recorded_ms(owner, house, f"c{number}")
    assert at_ms is not None
    span = f"from_ms={at_ms - 1450}&to_ms={at_ms + 1000}"
    answer = owner.request.get(f"{house.base}/api/v1/clip?camera=c{number}&{span}&exact={json.dumps(exact)}")
    assert answer.ok, answer.text()
    sent, stated, shown = first_frame(answer.body(), tmp_path)
    assert stated == ORIENTATIONS[number]
    assert corners_of(sent) == wanted(ORIENTATIONS[0])
    assert corners_of(shown) == wanted(ORIENTATIONS[number])


def test_no_stored_packet_differs_from_what_was_sent(house: Tawny) -> None:
    with av.open(str(house.folder.parent / "corners.mp4")) as opened:
        sent = {bytes(packet) for packet in opened.demux(video=0) if packet.size}
    for number, one in enumerate(ORIENTATIONS):
        paths = sorted((house.folder / f"c{number}").rglob("*.mp4*"))
        assert paths
        for path in paths:
            stored = read_segment(path)
            assert stored.video.orientation == one
            assert (stored.video.width, stored.video.height) == (WIDTH, HEIGHT)
            assert {sample.data for sample in samples(stored, stored.fragments)} <= sent


def test_it_is_turned_in_the_interface_at_once_and_what_is_recorded_stays(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    """Camera c7 is shown as it is sent from here on; what it recorded before is shown as it was then."""
    before_ms = recorded_ms(owner, house, "c7")
    assert before_ms is not None
    page.goto(f"{house.base}/settings/cameras/c7/picture")
    page.wait_for_selector(".ed-pic[data-view=playing]", timeout=60_000)
    page.get_by_role("group", name="Rotate").get_by_role("button", name="0°", exact=True).click()
    page.get_by_role("switch", name="Mirror").click()

    def now() -> bytes:
        return owner.request.get(f"{house.base}/api/v1/cameras/c7/snapshot").body()

    until(lambda: corners_of(jpeg(now())) == wanted(ORIENTATIONS[0]), 60, "the live image turns")
    is_wide = "() => { const one = document.querySelector('.ed-pic video'); return one.videoWidth > one.videoHeight }"
    page.wait_for_function(is_wide, timeout=60_000)
    written = tomllib.loads((house.folder.parent / "tawny.toml").read_text())["cameras"]["c7"]
    assert written.keys() & {"rotate", "mirror"} == set()
    old = owner.request.get(f"{house.base}/api/v1/cameras/c7/picture?at_ms={before_ms}")
    assert corners_of(jpeg(old.body())) == wanted(ORIENTATIONS[7])
    back = {"rotate": 270, "mirror": True}
    turned_back = owner.request.put(
        f"{house.base}/api/v1/cameras/c7/orientation", data=back, headers={**OURS, "Origin": house.base}
    )
    assert turned_back.ok, turned_back.text()
    until(lambda: corners_of(jpeg(now())) == wanted(ORIENTATIONS[7]), 60, "it turns back")


IS_TALL = """(tall) => {
  const one = document.querySelector(".pl[data-showing=video] video");
  return one && one.videoWidth > 0 && (one.videoHeight > one.videoWidth) === tall;
}"""


def test_the_timeline_shows_each_side_of_a_turn_in_its_own_shape(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    """Camera c7 lies on its side, is turned upright and back while the timeline is open."""
    page.goto(f"{house.base}/timeline?cam=c7&way=socket")
    for mirror, rotate, is_tall in ((True, 270, True), (False, 0, False), (True, 270, True)):
        turned = owner.request.put(
            f"{house.base}/api/v1/cameras/c7/orientation",
            data={"rotate": rotate, "mirror": mirror},
            headers={**OURS, "Origin": house.base},
        )
        assert turned.ok, turned.text()
        page.wait_for_function(IS_TALL, arg=is_tall, timeout=60_000)


def test_a_privacy_mask_stays_on_what_was_recorded_before_the_image_was_turned(
    owner: BrowserContext, house: Tawny
) -> None:
    before_ms = recorded_ms(owner, house, "masked")
    assert before_ms is not None
    masked = ["" if name == "red" else name for name in wanted(ORIENTATIONS[1])]
    turned = owner.request.put(
        f"{house.base}/api/v1/cameras/masked/orientation",
        data={"rotate": 180, "mirror": True},
        headers={**OURS, "Origin": house.base},
    )
    assert turned.ok, turned.text()
    still = owner.request.get(f"{house.base}/api/v1/cameras/masked/picture?at_ms={before_ms}")
    assert corners_of(jpeg(still.body())) == masked
    for way in ("socket", "webrtc"):
        page = owner.new_page()
        page.goto(f"{house.base}/timeline?cam=masked&t={before_ms / 1000:.2f}&span=120&way={way}")
        until_covered(page, masked)
        page.close()


def until_covered(page: Page, masked: list[str]) -> None:
    """Until the image in the timeline has these corners."""
    page.wait_for_selector(".pl[data-camera=masked][data-showing=video] .private-cover polygon", timeout=60_000)
    page.wait_for_function("() => document.querySelector('.pl video').readyState >= 2", timeout=60_000)
    until(lambda: corners_of(picture_of(page, ".pl[data-camera=masked] video")) == masked, 60, "the mask")
