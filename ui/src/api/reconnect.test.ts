import { describe, expect, it } from "vitest";
import { type Happened, type Link, START, delayMs, forwardClock, isLost, reduce } from "./reconnect";

const after = (...events: Happened[]): Link => events.reduce(reduce, START);

describe("the data socket", () => {
  it("is open after it was opened", () => {
    expect(after({ what: "start", now: 0 }, { what: "opened", now: 5 })).toMatchObject({
      phase: "open",
      failures: 0,
      down_since_ms: null,
    });
  });
  it("waits after a loss and then tries again", () => {
    const lost = after({ what: "start", now: 0 }, { what: "opened", now: 0 }, { what: "lost", now: 1_000 });
    expect(lost).toMatchObject({ phase: "waiting", down_since_ms: 1_000, retry_at_ms: 1_000 + delayMs(1) });
    expect(reduce(lost, { what: "tick", now: 1_001 }).phase).toBe("waiting");
    expect(reduce(lost, { what: "tick", now: 1_000 + delayMs(1) }).phase).toBe("connecting");
  });
  it("waits longer after every failure, at most five seconds", () => {
    expect([1, 2, 3, 4, 5, 20].map(delayMs)).toEqual([300, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });
  it("begins counting anew once it was open", () => {
    const link = after(
      { what: "start", now: 0 },
      { what: "lost", now: 1 },
      { what: "start", now: 2 },
      { what: "lost", now: 3 },
      { what: "opened", now: 4 },
    );
    expect(link.failures).toBe(0);
  });
  it("takes silence for a loss, since the last word", () => {
    const open = after({ what: "start", now: 0 }, { what: "opened", now: 0 }, { what: "heard", now: 5_000 });
    expect(reduce(open, { what: "tick", now: 16_000 }).phase).toBe("open");
    expect(reduce(open, { what: "tick", now: 17_500 })).toMatchObject({ phase: "waiting", down_since_ms: 5_000 });
  });
  it("gives up a try that gets no answer, and tries again", () => {
    const trying = after({ what: "start", now: 0 });
    expect(reduce(trying, { what: "tick", now: 9_000 }).phase).toBe("connecting");
    expect(reduce(trying, { what: "tick", now: 10_500 })).toMatchObject({ phase: "waiting", down_since_ms: 0 });
  });
  it("gives a try that began after a pause its whole time", () => {
    const lost = after({ what: "start", now: 0 }, { what: "opened", now: 0 }, { what: "lost", now: 60_000 });
    const trying = reduce(lost, { what: "tick", now: 61_000 });
    expect(reduce(trying, { what: "tick", now: 70_000 }).phase).toBe("connecting");
    expect(reduce(trying, { what: "tick", now: 71_500 }).phase).toBe("waiting");
  });
  it("stays closed once it was stopped", () => {
    expect(after({ what: "start", now: 0 }, { what: "stop", now: 1 }, { what: "lost", now: 2 }).phase).toBe("closed");
  });
});

describe("telling people that the page is cut off", () => {
  const down = after({ what: "start", now: 0 }, { what: "opened", now: 0 }, { what: "lost", now: 1_000 });
  it("waits five seconds", () => {
    expect(isLost(down, 5_900)).toBe(false);
    expect(isLost(down, 6_100)).toBe(true);
  });
  it("goes on while it is being tried again", () => {
    const trying = reduce(reduce(down, { what: "start", now: 2_000 }), { what: "lost", now: 2_100 });
    expect(isLost(trying, 6_100)).toBe(true);
  });
  it("ends as soon as it is back", () => {
    expect(isLost(reduce(down, { what: "opened", now: 9_000 }), 9_000)).toBe(false);
  });
});

describe("the clock of the connection", () => {
  const made = () => {
    const times = { wall: 1_800_000_000_000 };
    const now = forwardClock(() => times.wall);
    return { times, now, begun: now() };
  };
  it("goes on when the time of day is set back", () => {
    const { times, now, begun } = made();
    times.wall -= 3_600_000;
    expect(now() - begun).toBe(0);
    times.wall += 700;
    expect(now() - begun).toBe(700);
    times.wall -= 60_000;
    times.wall += 500;
    expect(now() - begun).toBe(700);
  });
  it("counts the time in which the device slept", () => {
    const { times, now, begun } = made();
    times.wall += 60_000;
    expect(now() - begun).toBe(60_000);
  });
});
