import { describe, expect, it, vi } from "vitest";
import { camera, health } from "../testing/make";
import { truth } from "./truth";

vi.mock("./times", () => ({ clock: () => "15:02" }));

describe("the truth chip", () => {
  it("counts what can be checked", () => {
    const told = truth(health([camera("a"), camera("b"), camera("c", "offline")]), false);
    expect(told).toMatchObject({ tone: "warn", words: "2 of 3 cameras working, 1 needs attention", short: "2 of 3" });
    expect(told.label).toBe("2 of 3 cameras working, 1 needs attention. The recorder's sentence. Open Health");
  });
  it("says once what the recorder's sentence begins with", () => {
    const told = truth({ ...health([camera("a")]), summary: "1 of 1 camera working." }, false);
    expect(told.label).toBe("1 of 1 camera working. Open Health");
  });
  it("says the count once where something is wrong", () => {
    const told = truth({ ...health([camera("a"), camera("b", "offline")]), summary: "1 of 2 cameras working: 1 offline." }, false);
    expect(told.label).toBe("1 of 2 cameras working, 1 needs attention: 1 offline. Open Health");
  });
  it("is red while all recording is stopped, and says until when", () => {
    const stopped = { by: "Anna", until_ms: 1 };
    expect(truth({ ...health([camera("a", "off")]), stopped }, false)).toMatchObject({ tone: "bad", words: "Stopped until 15:02" });
  });
  it("stays calm about what was chosen", () => {
    const told = truth(health([camera("a"), camera("b", "paused")]), false);
    expect(told).toMatchObject({ tone: "calm", words: "1 of 2 cameras working, 1 paused" });
  });
  it("counts all cameras, whatever was switched off", () => {
    expect(truth(health([camera("a", "paused"), camera("b", "offline")]), false)).toMatchObject({ tone: "bad", short: "0 of 2" });
    expect(truth(health([camera("a", "ended")]), false)).toMatchObject({ tone: "calm", short: "0 of 1" });
  });
  it("never counts what is unknown as fine", () => {
    expect(truth(health([camera("a"), camera("b", "unknown")]), false)).toMatchObject({
      ...{ tone: "warn", words: "1 of 2 cameras working, 1 unknown" },
    });
  });
  it("stays calm while a camera sleeps that is meant to", () => {
    const told = truth(health([camera("a"), camera("b", "asleep")]), false);
    expect(told).toMatchObject({ tone: "calm", words: "1 of 2 cameras working, 1 asleep" });
  });
  it("says that a video file has ended", () => {
    expect(truth(health([camera("a", "ended")]), false).words).toBe("0 of 1 camera working, 1 ended");
  });
  it("is red when nothing records although it should", () => {
    expect(truth(health([camera("a", "offline")]), false).tone).toBe("bad");
  });
  it("is red when the disk refuses", () => {
    expect(truth(health([camera("a"), camera("b", "blocked")]), false).tone).toBe("bad");
  });
  it("never shows a stale count", () => {
    const told = truth(health([camera("a")]), true);
    expect(told.words).toBe("Can’t reach tawny");
    expect(told.label).not.toMatch(/\d/);
  });
  it("says nothing before it knows", () => expect(truth(null, false).words).toBe("Checking…"));
});
