"""A recorder of many cameras in a process of its own: `many_child.py FOLDER ADDRESS…` records each under `cam-<n>`.
Says every second how much memory it has and how much of that is rings, until its input ends; then which gaps there
were."""

import json
import resource
import sys
import threading
from pathlib import Path

from tawny.model.ids import CameraId, StreamName
from tests.app.rig import Rig, rig, settings


def main() -> None:
    folder, *addresses = sys.argv[1:]
    text = "".join(
        f'[cameras.cam-{n}]\nsource = "{address}"\ndetection.detector = "off"\nrtsp.client = "own"\n'
        for n, address in enumerate(addresses)
    )
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    with rig(settings(text), Path(folder)) as bench:
        while not ended.wait(1.0):
            _say(rss=_resident_bytes(), rings=_ring_bytes(bench), files=len(list(Path("/proc/self/fd").iterdir())))
    gaps = {
        f"cam-{n}": [f"{gap.reason} {gap.detail}" for gap in bench.gaps(CameraId(f"cam-{n}"))]
        for n in range(len(addresses))
    }
    _say(gaps=gaps)


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _ring_bytes(bench: Rig) -> int:
    hubs = (bench.running.hub(camera.status.id, StreamName.MAIN) for camera in bench.running.cameras())
    return sum(hub.size_bytes for hub in hubs if hub is not None)


if __name__ == "__main__":
    main()
