import { describe, expect, it } from "vitest";
import type { CameraRetentionRequest as Keep, RetentionInfo } from "../../api/schema";
import { changeOf, same, tidy, videoBytes } from "./draft";

const keep = (some: Partial<Keep>): Keep => some as Keep;

it("counts the recordings of removed cameras, too", () => {
  const cameras = [{ used_bytes: 5 }, { used_bytes: 2 }] as RetentionInfo["cameras"];
  expect(videoBytes({ cameras, removed: [{ id: "gate", name: "Gate (removed)", used_bytes: 3 }] })).toBe(10);
});

describe("what is asked for", () => {
  it("leaves out what is empty", () => {
    expect(tidy(keep({ min: "14 days", max_size: "", max: null, events: { person: "", other: "60 days" } }))).toEqual({
      min: "14 days",
      events: { other: "60 days" },
    });
    expect(tidy(keep({ events: { person: "" }, sub: { max: "" } as Keep }))).toEqual({});
  });
  it("is the same in another order", () => {
    const a = { everyone: keep({ min: "1 days", max: "2 days" }), cameras: { porch: keep({}) } };
    const b = { everyone: keep({ max: "2 days", min: "1 days", max_size: "" }), cameras: { porch: keep({ max_size: null }) } };
    expect(same(a, b)).toBe(true);
    expect(same(a, { ...b, cameras: { porch: keep({ max_size: "1 GB" }) } })).toBe(false);
  });
  it("says when something may be removed", () => {
    expect(changeOf({ everyone: keep({}), cameras: {} }, true).remove).toBe(true);
  });
});
