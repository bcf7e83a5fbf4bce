"""Fragmented MP4 writer: an init segment, fragments of about a second, and an end box with the reason.

A file is playable at any time, however far it is written, if each fragment follows its `padding_before`. Samples are
not copied: a fragment is a list of buffers for `os.writev`. Stateless; call from any thread.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import sub
from struct import Struct, error, pack
from typing import NamedTuple

from tawny.media.codec.nal import SET_TYPES, nal_type
from tawny.media.codec.parameter_sets import sps_of
from tawny.media.codec.sps import PLAIN_PROFILES
from tawny.media.mp4.boxes import box, full_box, json_box, media, movie_header, track_header
from tawny.model.packets import AudioFormat, Format, VideoFormat

# Sample entries: the format description of a track in an MP4 header.

_SOUND = {"aac": b"mp4a", "pcmu": b"ulaw", "pcma": b"alaw"}
_LENGTHS_OF_4 = 3
_WHOLE = 0x80
"""array_completeness: all parameter sets of a type are in the header."""


def sample_entry(stored: Format) -> bytes:
    """Return the sample entry. Raises ValueError for a format without usable parameter sets."""
    return _video(stored) if isinstance(stored, VideoFormat) else _sound(stored)


def _video(video: VideoFormat) -> bytes:
    look = pack(">6xH16xHHIIIH32xHh", 1, video.width, video.height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    if video.codec == "h264":
        return box(b"avc1", look, box(b"avcC", avc_config(video)))
    return box(b"hvc1", look, box(b"hvcC", hevc_config(video)))


def avc_config(video: VideoFormat) -> bytes:
    """Return the AVCDecoderConfigurationRecord, also usable as decoder extradata."""
    sps, pps = (_of_type(video, kind) for kind in SET_TYPES["h264"])
    seen = sps_of(video)
    head = b"\1" + sps[0][1:4] + bytes([0xFC | _LENGTHS_OF_4, 0xE0 | len(sps)])
    config = head + _behind_lengths(sps) + bytes([len(pps)]) + _behind_lengths(pps)
    if seen.profile not in PLAIN_PROFILES:
        config += bytes([0xFC | seen.chroma, 0xF8 | seen.bit_depth - 8, 0xF8 | seen.chroma_bit_depth - 8, 0])
    return config


def hevc_config(video: VideoFormat) -> bytes:
    """Return the HEVCDecoderConfigurationRecord, also usable as decoder extradata."""
    seen = sps_of(video)
    profile = pack(">BI6sB", seen.tier << 5 | seen.profile, seen.compatibility, seen.constraints, seen.level)
    kinds = SET_TYPES["h265"]
    config = b"\1" + profile + pack(">HB", 0xF000, 0xFC)  # segmentation and parallelism: not specified
    config += bytes([0xFC | seen.chroma, 0xF8 | seen.bit_depth - 8, 0xF8 | seen.chroma_bit_depth - 8])
    config += pack(">HBB", 0, seen.sub_layers << 3 | seen.is_nested << 2 | _LENGTHS_OF_4, len(kinds))
    for kind in kinds:
        sets = _of_type(video, kind)
        config += pack(">BH", _WHOLE | kind, len(sets)) + _behind_lengths(sets)
    return config


def _of_type(video: VideoFormat, kind: int) -> list[bytes]:
    return [nal for nal in video.parameter_sets if nal_type(video.codec, nal) == kind]


def _behind_lengths(sets: list[bytes]) -> bytes:
    return b"".join(pack(">H", len(nal)) + nal for nal in sets)


def _sound(audio: AudioFormat) -> bytes:
    rate = audio.rate << 16 if audio.rate < 1 << 16 else 0
    head = pack(">6xH8xHHIII", 1, audio.channels, 16, 0, rate, 0)[:-4]
    if audio.codec != "aac":
        return box(_SOUND[audio.codec], head)
    decoder = pack(">BBHBII", 0x40, 0x15, 0, 0, 0, 0) + _descriptor(5, audio.config)
    stream = pack(">HB", 1, 0) + _descriptor(4, decoder) + _descriptor(6, b"\2")
    return box(b"mp4a", head, full_box(b"esds", 0, 0, _descriptor(3, stream)))


def _descriptor(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, *(0x80 | size >> shift & 0x7F for shift in (21, 14, 7)), size & 0x7F]) + content


Buffer = bytes | bytearray | memoryview

VIDEO_TRACK, AUDIO_TRACK = 1, 2
KEYFRAME, OTHER_FRAME = 0x02000000, 0x01010000
"""Sample flags: a sync sample; a sample that depends on others and is no sync sample."""

SECTOR_BYTES, BLOCK_BYTES = 512, 4096
"""What a disk writes as a whole, and a file system."""
UUID_HEAD_BYTES = 24
_FREE_BYTES = 8
_MOVIE_RATE = 1000
_MOST_BYTES = (1 << 32) - (1 << 24)

_BASE_IS_MOOF = 0x020000
_HAS_DURATION, _HAS_SIZE, _HAS_FLAGS, _HAS_OFFSET, _HAS_DATA_AT = 0x100, 0x200, 0x400, 0x800, 0x1


class Sample(NamedTuple):
    """An access unit or audio frame in a file.

    data: as `SourcePacket.data`. pts: ticks since the segment's start. duration: ticks until the next sample's decode
    time; without reordering also the distance of presentation times.
    """

    data: Buffer
    pts: int
    duration: int
    is_keyframe: bool


def init_segment(
    video: VideoFormat, audio: AudioFormat | None = None, about: Mapping[str, object] | None = None
) -> bytes:
    """Return ftyp and moov. about: JSON for tawny's metadata box. Raises ValueError for an unusable format."""
    formats: list[Format] = [video] if audio is None else [video, audio]
    tracks = [_track(number, stored) for number, stored in enumerate(formats, VIDEO_TRACK)]
    defaults = [_track_defaults(number, stored) for number, stored in enumerate(formats, VIDEO_TRACK)]
    return box(b"ftyp", b"iso6", pack(">I", 1), b"iso6mp41") + box(
        b"moov",
        movie_header(_MOVIE_RATE, 0, len(formats) + 1),
        *tracks,
        box(b"mvex", *defaults),
        json_box(about) if about is not None else b"",
    )


def _track(number: int, stored: Format) -> bytes:
    is_video = isinstance(stored, VideoFormat)
    tables = box(
        b"stbl",
        full_box(b"stsd", 0, 0, pack(">I", 1), sample_entry(stored)),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    return box(b"trak", track_header(number, 0, stored), media(stored.rate, 0, tables, is_video=is_video))


def _track_defaults(number: int, stored: Format) -> bytes:
    flags = OTHER_FRAME if isinstance(stored, VideoFormat) else KEYFRAME
    return full_box(b"trex", 0, 0, pack(">IIIII", number, 1, 0, 0, flags))


def aligned_boxes(boxes: Sequence[bytes], offset: int) -> list[bytes]:
    """Return `uuid` boxes, each after its `padding_before`. offset: where the first would begin."""
    found: list[bytes] = []
    for one in boxes:
        padded = padding_before(offset, UUID_HEAD_BYTES) + one
        offset += len(padded)
        found.append(padded)
    return found


def end_box(about: Mapping[str, object]) -> bytes:
    """Return the last box of a closed file: JSON with the time and reason of its end."""
    return json_box(about)


def padding_before(offset: int, head_bytes: int) -> bytes:
    """Return a `free` box after which a header is on the disk as a whole or not at all; perhaps empty.

    FFmpeg refuses a whole file if one moof or uuid in it ends early or in zeros, as a power cut leaves it, but not if
    the box is missing. The header therefore crosses no border of sectors, or of blocks if it is larger than a sector.
    One that is larger than a block may be torn.

    offset: where the header would begin. head_bytes: its size; of a fragment, that of its first buffer.
    """
    unit = SECTOR_BYTES if head_bytes <= SECTOR_BYTES else BLOCK_BYTES
    rest = -offset % unit
    if head_bytes <= (rest or unit) or head_bytes > BLOCK_BYTES:
        return b""
    return box(b"free", bytes((rest if rest >= _FREE_BYTES else rest + unit) - _FREE_BYTES))


def fragment(
    sequence: int,
    video: Sequence[Sample],
    audio: Sequence[Sample] = (),
    base_video_ticks: int = 0,
    base_audio_ticks: int = 0,
) -> list[Buffer]:
    """Return one moof and mdat: a header and the samples' own buffers, video first. Empty without samples.

    sequence: increasing from 1. Samples are in decode order. base_*_ticks: decode time of the track's first sample, at
    least the previous fragment's base plus its durations (`decode_times` ensures this).
    Raises ValueError above 4 GB, and for a time that does not fit its field.
    """
    try:
        return _fragment(sequence, video, audio, base_video_ticks, base_audio_ticks)
    except error as problem:
        raise ValueError(f"a time or size in a fragment does not fit: {problem}") from problem


def _fragment(
    sequence: int, video: Sequence[Sample], audio: Sequence[Sample], base_video_ticks: int, base_audio_ticks: int
) -> list[Buffer]:
    runs = [
        (track, base, len(samples), *_table(samples, base, is_video=track == VIDEO_TRACK))
        for track, samples, base in ((VIDEO_TRACK, video, base_video_ticks), (AUDIO_TRACK, audio, base_audio_ticks))
        if samples
    ]
    if not runs:
        return []
    head_bytes = 24 + sum(_TRAF.size + len(table) for *_, table, _ in runs)
    at, head = head_bytes + 8, [b""]
    for track, base, count, flags, table, size in runs:
        run_bytes = 20 + len(table)
        tfhd = (16, b"tfhd", _BASE_IS_MOOF, track)
        tfdt = (20, b"tfdt", 1 << 24, base)
        trun = (run_bytes, b"trun", 1 << 24 | flags, count, at)
        head += (_TRAF.pack(_TRAF.size + len(table), b"traf", *tfhd, *tfdt, *trun), table)
        at += size
    if at > _MOST_BYTES:
        raise ValueError(f"a fragment of {at} bytes is too large")
    head[0] = _MOOF.pack(head_bytes, b"moof", 16, b"mfhd", 0, sequence)
    head.append(pack(">I4s", at - head_bytes, b"mdat"))
    return [b"".join(head), *(sample.data for sample in video), *(sample.data for sample in audio)]


_MOOF = Struct(">I4sI4sII")
_TRAF = Struct(">I4s" + "I4sII" + "I4sIQ" + "I4sIIi")


def _table(samples: Sequence[Sample], base: int, *, is_video: bool) -> tuple[int, bytes, int]:
    """Return the trun flags, the sample table, and the total size of the samples.

    Composition offsets are signed (version 1): until reordering shows, a frame may be displayed before its decode time.
    """
    data, pts, durations, are_keyframes = zip(*samples, strict=True)
    sizes = list(map(len, data))
    fields, columns, flags = "II", [durations, sizes], _HAS_DATA_AT | _HAS_DURATION | _HAS_SIZE
    if is_video:
        columns.append([KEYFRAME if is_keyframe else OTHER_FRAME for is_keyframe in are_keyframes])
        fields, flags = fields + "I", flags | _HAS_FLAGS
    offsets = list(map(sub, pts, accumulate(durations, initial=base)))
    if any(offsets):
        columns.append(offsets)
        fields, flags = fields + "i", flags | _HAS_OFFSET
    rows = [0] * (len(columns) * len(samples))
    for at, column in enumerate(columns):
        rows[at :: len(columns)] = column
    return flags, pack(">" + fields * len(samples), *rows), sum(sizes)
