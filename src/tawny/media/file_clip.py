"""A part of any video file as an MP4 of its own, copied and not encoded again: it begins and ends at keyframes.

Plain functions, any thread.
"""

from pathlib import Path

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from tawny.media.demux import FILE_OPTIONS, source_error
from tawny.model.errors import SourceError, SourceUnusable


def copy_part(path: Path, out: Path, begin_s: float, end_s: float) -> float:
    """Write what is shown from the keyframe at or before begin_s up to the first keyframe at or after end_s.

    Seconds since the file's first instant. Returns where it begins. SourceError when the file cannot be read, or what
    it holds cannot stand in an MP4; OSError of the disk.
    """
    failed: SourceError
    try:
        with av.open(f"file:{path}", options=dict(FILE_OPTIONS)) as source:
            if not source.streams.video:
                raise SourceUnusable(str(path), "the file holds no video")
            with av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as made:
                return _copy(source, made, begin_s, end_s)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from error
    except av.error.FFmpegError as error:
        failed = source_error(error, str(path), 0.0)
    except ValueError as error:
        failed = SourceUnusable(str(path), str(error))
    raise failed


def _copy(source: InputContainer, made: OutputContainer, begin_s: float, end_s: float) -> float:
    video = source.streams.video[0]
    sound = [one for one in source.streams.audio if one.codec_context.name in ("aac", "mp3", "ac3", "opus")][:1]
    copies: dict[int, Stream] = {one.index: made.add_stream_from_template(one) for one in (video, *sound)}
    zero_s = float((video.start_time or 0) * (video.time_base or 0))
    if video.time_base:
        source.seek(round((begin_s + zero_s) / video.time_base), stream=video)
    from_s: float | None = None
    for packet in source.demux([video, *sound]):
        if not packet.size or packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        at_s = float(packet.pts * packet.time_base)
        if packet.stream_index == video.index:
            if packet.is_keyframe and at_s >= end_s + zero_s and from_s is not None:
                break
            if from_s is None:
                if not packet.is_keyframe:
                    continue
                from_s = at_s
        if from_s is None or at_s < from_s:
            continue
        shift = round(from_s / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = copies[packet.stream_index]
        made.mux(packet)
    return (from_s or zero_s) - zero_s
