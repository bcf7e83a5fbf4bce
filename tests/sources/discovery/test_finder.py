"""All searches at once: what they say of one device is joined, and each result comes when it is there."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from zeroconf import ServiceInfo, Zeroconf

from tawny.model.errors import NoSuchDevice
from tawny.model.times import SystemClock
from tawny.sources.discovery import local_cameras, mdns, rtsp_scan, ws_discovery
from tawny.sources.discovery.finder import Search, find
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.local_cameras import pi_cameras, usb_cameras
from tawny.sources.discovery.networks import OwnNetwork, ask_neighbours, own_networks
from tawny.sources.discovery.rtsp_scan import addresses
from tawny.sources.v4l2 import DeviceFormat, V4l2Device
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_device import OnvifDevice, answering

LOOPBACK = OwnNetwork("lo", "127.0.0.1", "127.0.0.0/30")
GROUP = ("239.255.255.250", 30_000 + os.getpid() % 10_000)
NOTHING = Search(0.4, networks=[LOOPBACK], local=False, group=GROUP)


@pytest.fixture
def stream() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec(seconds=1))) as camera:
        yield camera


def searched(search: Search) -> list[FoundCamera]:
    """Everything that was reported, in order."""
    reported: list[FoundCamera] = []
    find(search, SystemClock(), reported.append)
    return reported


def test_nothing_there_is_nothing_found() -> None:
    assert searched(NOTHING) == []


def test_an_interrupted_search_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    released, ended = threading.Event(), threading.Event()

    def listen(*_: object) -> None:
        released.wait(3.0)
        ended.set()

    def press_ctrl_c(*_: object) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(ws_discovery, "search", listen)
    monkeypatch.setattr(mdns, "search", press_ctrl_c)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for what runs behind
    try:
        with pytest.raises(KeyboardInterrupt):
            searched(NOTHING)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not ended.is_set()
    released.set()


def test_without_a_network_the_local_cameras_are_searched_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_cameras, "usb_cameras", lambda: [FoundCamera("/dev/v4l/by-id/x", "usb", "Webcam")])
    monkeypatch.setattr(local_cameras, "pi_cameras", lambda: [FoundCamera("picamera:0", "pi", "Pi camera")])
    found = searched(replace(NOTHING, networks=[], local=True))
    assert [(one.kind, one.place, one.title) for one in found] == [
        ("usb", "/dev/v4l/by-id/x", "Webcam"), ("pi", "picamera:0", "Pi camera"),
    ]  # fmt: skip


def test_one_device_found_in_two_ways_is_one_camera(stream: RtspCamera) -> None:
    name = f"Gate-{os.getpid()}._rtsp._tcp.local."
    about = {"path": "live", "macaddress": "AA:BB:CC:00:11:22"}
    here = [socket.inet_aton("127.0.0.1")]
    result = ServiceInfo("_rtsp._tcp.local.", name, stream.port, addresses=here, properties=about, server="gate.local.")
    with ExitStack() as stack:
        device = stack.enter_context(served(OnvifDevice()))
        assert isinstance(device, OnvifDevice)
        stack.enter_context(answering(device, "127.0.0.1", GROUP))
        announcer = Zeroconf(interfaces=["127.0.0.1"])
        stack.callback(announcer.close)
        announcer.register_service(result)
        found = searched(
            replace(
                NOTHING,
                timeout_s=2.0,
                probe=True,
                networks=[replace(LOOPBACK, address="127.0.0.2"), LOOPBACK],
                ports=[stream.port],
            )
        )
    ours = [one for one in found if one.place == "127.0.0.1"]
    last = ours[-1]
    assert len(ours) >= 2, "it is reported again when more is known"
    assert {"onvif", "mdns"} <= last.ways
    assert (last.title, last.rtsp_port, last.identity) == ("Northlight NL-200", stream.port, device.identity)
    assert last.onvif == device.url.replace("admin:s3cret@", "")


def test_the_probe_finds_what_speaks_rtsp_and_sends_no_login(stream: RtspCamera) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answers: list[FoundCamera] = []
        asyncio.run(rtsp_scan.scan(["127.0.0.1"], answers.append, [stream.port, silent.getsockname()[1], 1]))
    assert [(one.place, one.rtsp_port) for one in answers] == [("127.0.0.1", stream.port)]
    assert stream.viewers[0].requests == ["OPTIONS"]


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad\r\n\r\n", b"x" * 100_000, b"", b"RTSP/1.0 200 OK\r\nCSeq: 1"])
def test_what_speaks_something_else_is_not_found(reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.recv(4096)
                line.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        answers: list[FoundCamera] = []
        asyncio.run(rtsp_scan.scan(["127.0.0.1"], answers.append, [server.getsockname()[1]]))
        thread.join()
    assert answers == []


@pytest.mark.parametrize(
    ("networks", "count"),
    [
        (["192.168.1.0/24"], 253), (["192.168.1.0/24", "192.168.1.0/25"], 253), (["10.0.0.0/22"], 1022),
        (["10.0.0.0/21"], 0), (["8.8.8.0/24"], 0), ([], 0), (["192.168.7.4/31"], 2), (["192.168.7.4/32"], 1),
    ],
)  # fmt: skip
def test_only_small_private_networks_are_probed(networks: list[str], count: int) -> None:
    found = list(addresses(networks, ["192.168.1.10"]))
    assert len(found) == count
    assert "192.168.1.10" not in found


def test_loopback_is_no_network_of_this_computer() -> None:
    assert not [one for one in own_networks() if one.address.startswith("127.")]


# --- this computer's own


def device_tree(root: Path) -> Path:
    """Two webcams, the second nodes of both (metadata), and one without a lasting name."""
    (root / "v4l/by-id").mkdir(parents=True)
    (root / "v4l/by-path").mkdir(parents=True)
    for number in range(5):
        (root / f"video{number}").touch()
    (root / "v4l/by-id/usb-Maker_Cam_A1-video-index0").symlink_to(root / "video0")
    (root / "v4l/by-id/usb-Maker_Cam_A1-video-index1").symlink_to(root / "video1")
    (root / "v4l/by-path/pci-1-video-index0").symlink_to(root / "video0")
    (root / "v4l/by-path/pci-2-video-index0").symlink_to(root / "video2")
    return root


@pytest.mark.shows("DY24")
def test_usb_cameras_have_names_that_last(tmp_path: Path) -> None:
    root = device_tree(tmp_path)
    formats = (DeviceFormat("MJPG", ((1280, 720), (1920, 1080))), DeviceFormat("YUYV", ((640, 480),)))

    def look(path: str) -> V4l2Device:
        match Path(path).resolve().name:
            case "video0":
                return V4l2Device("Maker Cam", formats)
            case "video2":
                return V4l2Device("Other Cam", formats)
            case "video3":
                return V4l2Device("unicam-image", (DeviceFormat("YUYV", ()),))
            case "video4":
                raise NoSuchDevice(path, "this user has no permission; add it to the group `video`")
        raise NoSuchDevice(path, "it is a video device but has no capture mode")

    found = usb_cameras(root, look)
    assert [(Path(one.place).relative_to(root).as_posix(), one.size, bool(one.problem)) for one in found] == [
        ("v4l/by-id/usb-Maker_Cam_A1-video-index0", (1920, 1080), False),
        ("v4l/by-path/pci-2-video-index0", (1920, 1080), False),
        ("video4", (0, 0), True),
    ]
    assert found[0].formats == ("MJPG", "YUYV")
    assert usb_cameras(tmp_path / "none", look) == []


@pytest.mark.parametrize("owner", [0, 2])
def test_equal_usb_cameras_without_serial_numbers_are_named_by_their_sockets(tmp_path: Path, owner: int) -> None:
    """Both have the same identity; which of them has its name is another one after the next start."""
    for folder in ("by-id", "by-path"):
        (tmp_path / "v4l" / folder).mkdir(parents=True)
    (tmp_path / "v4l/by-id/usb-Sonix_USB_Camera-video-index0").symlink_to(tmp_path / f"video{owner}")
    for number in (0, 2):
        (tmp_path / f"video{number}").touch()
        (tmp_path / f"v4l/by-path/usb-{number}-video-index0").symlink_to(tmp_path / f"video{number}")
    found = usb_cameras(tmp_path, lambda _: V4l2Device("USB Camera", (DeviceFormat("MJPG", ((1280, 720),)),)))
    assert sorted(Path(one.place).name for one in found) == ["usb-0-video-index0", "usb-2-video-index0"]


@pytest.mark.shows("DY24")
def test_pi_cameras_are_those_that_its_program_lists() -> None:
    listed = """Available cameras
-----------------
0 : imx708_wide [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
1 : ov5647 [2592x1944 10-bit GBRG] (/base/soc/i2c0mux/i2c@0/ov5647@36)
"""
    found = pi_cameras(lambda _: listed, "/usr/bin/rpicam-vid")
    assert [(one.place, one.name, one.size) for one in found] == [
        ("picamera:0", "Raspberry Pi camera (imx708_wide)", (4608, 2592)),
        ("picamera:1", "Raspberry Pi camera (ov5647)", (2592, 1944)),
    ]
    assert pi_cameras(lambda _: "No cameras available!", "/usr/bin/rpicam-vid") == []


def test_a_neighbour_that_is_not_known_yet_is_asked_with_an_empty_packet(tmp_path: Path) -> None:
    """The system writes its hardware address into the table once it has sent to it."""
    table = tmp_path / "arp"
    head = "IP address       HW type     Flags       HW address            Mask     Device\n"
    table.write_text(head + "127.0.0.8        0x1         0x2         00:11:22:AA:BB:CC     *        lo\n")
    assert ask_neighbours(["127.0.0.8"], table) == {"127.0.0.8": "00:11:22:aa:bb:cc"}
    assert ask_neighbours(["127.0.0.9", "no host"], table) == {"127.0.0.8": "00:11:22:aa:bb:cc"}
