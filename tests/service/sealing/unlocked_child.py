"""A recorder's interface with a sealed recording, in a process of its own whose memory is searched: what it is told on
its standard input it does, and answers with a line.

The key comes as a page sends it, sealed; neither it nor anything that makes it is in this process before.
"""

import asyncio
import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx

from tawny.config.loader import read_settings
from tawny.model.segments import Segment
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.sealing.sealing_service import SealingService
from tests.api.fakes import House, make_house
from tests.playback.sealed_archives import sealed


def main() -> None:
    folder, recipient = Path(sys.argv[1]), sys.argv[2]
    house = make_house(folder)
    config = folder / "tawny.toml"
    settings = read_settings(config)
    changeable = ChangeableSettings(lambda: settings, lambda *_: None, config)
    house.site.sealed = SealingService(folder, house.clock, changeable, "f1")
    segment = sealed(house.recorder, house.recorder.record(house.clock.now_ms() - 60_000), [recipient])
    asyncio.run(_serve(house, segment))


async def _serve(house: House, segment: Segment) -> None:
    browser = house.signed_in()
    say({"offer": b64encode(house.site.unlocks.offer()).decode()})
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        answer = await _asked(browser, asked, segment)
        say({"status": answer.status_code, "bytes": len(answer.content)})


async def _asked(browser: httpx.AsyncClient, asked: dict[str, Any], segment: Segment) -> httpx.Response:
    if asked["do"] == "play":
        return await browser.get(f"/media/{segment.id}/play")
    path = {"unlock": "/api/v1/sealed/unlock", "lock": "/api/v1/sealed/lock", "sign out": "/api/v1/sign-out"}
    return await browser.post(path[asked["do"]], json=asked.get("body", {}))


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
