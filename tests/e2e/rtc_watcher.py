"""A page that looks at a camera by WebRTC and asks for the past on the data channel; what it has seen and was told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.live_server import LiveServer, signed_browser

_PAGE = """async (camera) => {
  const it = window.it = {frames: [], told: [], link: new RTCPeerConnection()};
  const read = READ;
  const video = document.createElement('video');
  video.muted = true; video.autoplay = true;
  document.body.append(video);
  const look = (now, about) => {
    it.frames.push({number: read(video), rtp: about.rtpTimestamp, at: performance.now()});
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  let came = 0;
  const lookAgain = (receiver) => {
    const rtp = receiver.getSynchronizationSources()[0]?.rtpTimestamp ?? 0;
    const isUntold = rtp === came && rtp !== it.frames.at(-1)?.rtp;
    if (isUntold) it.frames.push({number: read(video), rtp, at: performance.now()});
    came = rtp;
  };
  it.link.ontrack = ({track, receiver}) => {
    receiver.jitterBufferTarget = 0;
    setInterval(lookAgain, 250, receiver);
    video.srcObject = new MediaStream([track]);
  };
  it.link.addTransceiver('video', {direction: 'recvonly'});
  it.channel = it.link.createDataChannel('playback');
  it.channel.onmessage = ({data}) => it.told.push({...JSON.parse(data), at: performance.now()});
  await it.link.setLocalDescription(await it.link.createOffer());
  const answer = await fetch(`/api/v1/cameras/${camera}/rtc`, {
    method: 'POST', headers: {'Content-Type': 'application/sdp', 'X-Tawny': '1'}, body: it.link.localDescription.sdp});
  await it.link.setRemoteDescription({type: 'answer', sdp: await answer.text()});
}"""
"""A busy browser may not tell of the last of some pictures that come at once: where it stays, it is looked at again."""


class Watcher:
    """What the page has seen and was told. number: what its `read` found in a picture."""

    def __init__(self, page: Page, session: str) -> None:
        self._page, self.session = page, session

    def say(self, **order: object) -> float:
        """When, as the page's clock has it."""
        words = "(order) => { window.it.channel.send(JSON.stringify(order)); return performance.now(); }"
        return float(self._page.evaluate(words, order))

    def frames(self, since: float = 0.0) -> list[dict[str, Any]]:
        return [each for each in self._page.evaluate("window.it.frames") if each["at"] >= since]

    def told(self, since: float = 0.0) -> list[dict[str, Any]]:
        return [each for each in self._page.evaluate("window.it.told") if each["at"] >= since]

    def pictures(self, since: float = 0.0) -> dict[int, int]:
        """Those shown that were told of: instant to number."""
        by_rtp = {each["rtp"]: each["number"] for each in self.frames(since)}
        return {each["at_ms"]: by_rtp[each["rtp"]] for each in self.told(since) if each["rtp"] in by_rtp}

    def shows(self, number: int, since: float) -> bool:
        """It is the last picture shown, and no other came for a while."""
        frames = self.frames(since)
        return bool(frames) and frames[-1]["number"] == number


@contextmanager
def watching(browser: Browser, served: LiveServer, camera: str, read: str) -> Iterator[Watcher]:
    """It looks, and may ask. read: JavaScript, a function that reads a number off a video."""
    token = served.session("page")
    with signed_browser(browser, token) as context:
        page = context.new_page()
        page.goto(f"{served.base}/live/{camera}?way=mjpeg")
        page.evaluate(_PAGE.replace("READ", read), camera)
        begun = "() => window.it.frames.length > 5 && window.it.channel.readyState === 'open'"
        page.wait_for_function(begun, timeout=60_000)
        yield Watcher(page, token)
