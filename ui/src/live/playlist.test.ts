import { expect, it } from "vitest";
import { after, fromLive, readPlaylist } from "./playlist";

const LIST = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:5
#EXT-X-MAP:URI="header-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T05:00:00.000Z
#EXTINF:2.00000,
segment-5.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T05:00:02.000Z
#EXT-X-PART:DURATION=0.33,URI="part-6-0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33,URI="part-6-1.m4s"
#EXTINF:0.66000,
segment-6.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="header-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T05:00:04.000Z
#EXT-X-PART:DURATION=0.33,URI="part-7-0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33,URI="part-7-1.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-7-2.m4s"
`;

it("knows each part, its segment and its header", () => {
  const { pieces } = readPlaylist(LIST);
  expect(pieces.map(({ segment, part, header }) => [segment, part, header])).toEqual([
    [6, 0, "header-0.mp4"],
    [6, 1, "header-0.mp4"],
    [7, 0, "header-1.mp4"],
    [7, 1, "header-1.mp4"],
  ]);
  expect(pieces[2]?.segment_ms).toBe(Date.parse("2026-11-20T05:00:04Z"));
});

it("knows what comes next", () => expect(readPlaylist(LIST).next).toEqual({ segment: 7, part: 2 }));

it("begins with the newest keyframe", () => {
  expect(fromLive(readPlaylist(LIST).pieces).map(({ uri }) => uri)).toEqual(["part-7-0.m4s", "part-7-1.m4s"]);
});

it("goes on after what it has", () => {
  const { pieces } = readPlaylist(LIST);
  expect(after(pieces, pieces[1]!).map(({ uri }) => uri)).toEqual(["part-7-0.m4s", "part-7-1.m4s"]);
});

it("makes nothing of nothing", () => expect(readPlaylist("")).toEqual({ pieces: [], next: { segment: 0, part: 0 } }));
