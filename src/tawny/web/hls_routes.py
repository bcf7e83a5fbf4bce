"""Live video by HLS: what any player plays, over plain HTTP; with low delay for those that know how to ask for it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from tawny.live.choice import choose, codec_of
from tawny.live.hls import HlsFeed
from tawny.live.hls_feeds import Key
from tawny.media.params import codec_string
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VideoFormat
from tawny.stream.hub import Hub
from tawny.web.access import Access, rule
from tawny.web.limits import OneCamera, split
from tawny.web.problems import Refused, not_found
from tawny.web.site import Here, Site

PLAYLIST, MP4, PART = "application/vnd.apple.mpegurl", "video/mp4", "video/iso.segment"
WAIT_S = 4.0
RATE_S = 8.0
Number = Annotated[int, Path(ge=0, le=10**9)]
Wanted = Literal["main", "sub", "auto"]

router = APIRouter(prefix="/api/v1/cameras/{camera}/hls")
see = [rule(Access.SEE)]


@router.get("/index.m3u8", dependencies=see, response_class=Response)
async def index(camera: OneCamera, request: Request, here: Here) -> Response:
    """The streams there are; a player takes what it can and what the line allows."""
    hubs = here.hubs(camera)
    if not hubs:
        raise not_found("There is no such camera.")
    lines = ["#EXTM3U", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for name, hub in hubs.items():
        lines += _variant(name, hub, _more(request))
    if not any(codec_of(hub) == "h264" for hub in hubs.values()):
        lines += [f'#EXT-X-STREAM-INF:BANDWIDTH=1500000,CODECS="avc1.42c01f"\nauto/live.m3u8{_more(request)}']
    return Response("\n".join(lines) + "\n", media_type=PLAYLIST)


@router.get("/{stream}/live.m3u8", dependencies=see, response_class=Response)
async def playlist(
    camera: OneCamera,
    stream: Wanted,
    request: Request,
    here: Here,
    can: Annotated[str, Query(max_length=100)] = "h264",
    segment: Annotated[int | None, Query(alias="_HLS_msn", ge=0)] = None,
    part: Annotated[int | None, Query(alias="_HLS_part", ge=0)] = None,
) -> Response:
    """can: the codecs that the player knows, for `auto`. With `_HLS_msn` it is answered when there is that much."""
    choice = choose(here.hubs(camera), stream, split(can))
    if choice is None:
        raise not_found("There is no such camera.")
    feed = here.hls.feed(Key(camera, stream), choice, here.viewers.one_more(camera, choice.name))
    if segment is not None and not feed.is_near(segment):
        raise Refused(400, "bad_input", "That is too far ahead.", "Read the list again.")
    wanted = (0, 0) if segment is None else (segment, part)
    if not await feed.has(*wanted, WAIT_S) and not feed.mime:
        raise Refused(503, "no_picture", "There is no picture of this camera at present.", "See its state.")
    return Response(feed.playlist(_more(request)), media_type=PLAYLIST)


@router.get("/{stream}/header-{number}.mp4", dependencies=see, response_class=Response)
async def header(camera: OneCamera, stream: Wanted, number: Number, here: Here) -> Response:
    """`X-Start-Ms`: UTC of its time 0. `X-Mime`: what is in it."""
    begin = _feed(here, camera, stream).header(number)
    answer = _bytes(begin.init if begin else None, MP4)
    if begin:
        answer.headers["X-Start-Ms"], answer.headers["X-Mime"] = str(begin.start_ms), begin.mime
    return answer


@router.get("/{stream}/segment-{number}.m4s", dependencies=see, response_class=Response)
async def segment(camera: OneCamera, stream: Wanted, number: Number, here: Here) -> Response:
    feed = _feed(here, camera, stream)
    found = feed.segment(number)
    return _bytes(found.data if found and found.is_whole else None, PART)


@router.get("/{stream}/part-{number}-{part}.m4s", dependencies=see, response_class=Response)
async def part(camera: OneCamera, stream: Wanted, number: Number, part: Number, here: Here) -> Response:
    """One that is not there yet, but is the next, is waited for."""
    feed = _feed(here, camera, stream)
    if feed.is_near(number):
        await feed.has(number, part, WAIT_S)
    found = feed.segment(number)
    return _bytes(found.parts[part].data if found and part < len(found.parts) else None, PART)


def _feed(here: Site, camera: CameraId, stream: str) -> HlsFeed:
    found = here.hls.known(Key(camera, stream))
    if found is None:
        raise not_found("This list has ended.", "Read it again.")
    return found


def _bytes(data: bytes | None, kind: str) -> Response:
    if data is None:
        raise not_found("There is no such part, or no longer.", "Read the list again.")
    return Response(data, media_type=kind)


def _variant(name: StreamName, hub: Hub, more: str) -> list[str]:
    recent = hub.recent(RATE_S)
    video = next((packet.format for packet in recent if isinstance(packet.format, VideoFormat)), None)
    if video is None:
        return []
    seconds = max(1.0, (recent[-1].at_ms - recent[0].at_ms) / 1000)
    rate = round(sum(len(packet.data) for packet in recent) * 8 * 1.3 / seconds)
    about = f'BANDWIDTH={rate},RESOLUTION={video.width}x{video.height},CODECS="{codec_string(video)}"'
    return [f"#EXT-X-STREAM-INF:{about}", f"{name.value}/live.m3u8{more}"]


def _more(request: Request) -> str:
    """A pass is asked for at every address: players do not carry it on by themselves."""
    secret = request.query_params.get("pass", "")
    return f"?pass={secret}" if secret and secret.replace("-", "").replace("_", "").isalnum() else ""
