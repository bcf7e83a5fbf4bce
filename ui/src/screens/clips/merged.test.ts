import { expect, test } from "vitest";
import type { ClipJob, SavedClips } from "../../api/types";
import { merged } from "./merged";

function job(id: string, made_ms: number, about: Partial<ClipJob> = {}): ClipJob {
  const base: ClipJob = {
    id,
    made_ms,
    kind: "mp4",
    cameras: ["porch"],
    from_ms: 0,
    to_ms: 1,
    speed: null,
    name: "",
    state: "done",
    progress: 1,
    size_bytes: 10,
    kept: false,
    cut_at_ms: null,
    unreadable_ms: 0,
    elsewhere_ms: 0,
    is_mute: false,
    fingerprint: "",
  redacted: false,
    message: "",
    hint: "",
    file: null,
    mine: true,
  };
  return { ...base, ...about };
}

const saved: SavedClips = { items: [job("b", 2), job("a", 1)], used_bytes: 20, most_bytes: 100 };

test("a new clip stands on top", () => {
  expect(merged(saved, job("c", 3)).items.map((each) => each.id)).toEqual(["c", "b", "a"]);
});

test("what is said of a known one takes its place", () => {
  const now = merged(saved, job("a", 1, { kept: true }));
  expect(now.items.map((each) => [each.id, each.kept])).toEqual([
    ["b", false],
    ["a", true],
  ]);
});

test("one that is removed is gone, and its bytes with it", () => {
  expect(merged(saved, job("b", 2, { state: "removed" }))).toEqual({ items: [job("a", 1)], used_bytes: 10 });
});
