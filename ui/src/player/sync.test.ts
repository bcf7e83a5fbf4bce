import { type Signal, signal } from "@preact/signals";
import { describe, expect, it } from "vitest";
import { correction } from "./drift";
import type { Follower, Showing } from "./past";
import type { Hole } from "./pieces";
import { type Skip, SyncGroup } from "./sync";

const NOW = Date.UTC(2026, 5, 13, 20);
const AT = NOW - 3_600_000;
const HOLE: Hole = {
  ...{ begin_ms: AT, next_ms: AT + 1_140_000, asked_ms: 0 },
  why: { begin_ms: AT, end_ms: AT + 1_140_000, reason: "wifi", words: "Wi-Fi lost", detail: "", tone: "warn" },
};

/** A video that plays at its own pace, and does as it is told as far as it can. */
class Pretended implements Follower {
  readonly showing: Signal<Showing> = signal<Showing>({ is: "video" });
  ready = true;
  edge_ms: number | null = null;
  showsLive = false;
  live = false;
  /** No video up to here, and too little of that to be called missing. */
  nothingUntil_ms = 0;
  video_ms = 0;
  pace = 1;
  /** What it was told last. */
  speed = 0;
  private rate = 1;
  private running = false;

  get clock_ms(): number | null {
    return this.showing.value.is === "video" && this.ready ? this.video_ms : null;
  }

  get between(): boolean {
    return this.video_ms < this.nothingUntil_ms;
  }

  place(at_ms: number, live: boolean): void {
    this.video_ms = at_ms;
    this.live = live;
  }

  follow(at_ms: number, speed: number, playing: boolean, leads: boolean): void {
    this.running = playing;
    this.speed = speed;
    if (!playing) return;
    const fix = correction(leads ? 0 : this.video_ms - at_ms, speed);
    if (fix.is === "jump") this.video_ms = at_ms + fix.ahead_ms;
    else this.rate = fix.rate;
  }

  beside(way: 1 | -1): number {
    return this.video_ms + way * 40;
  }

  pass(ms: number): void {
    if (this.running && this.showing.value.is === "video") this.video_ms += ms * this.rate * this.pace;
  }
}

function group(...players: Pretended[]): { sync: SyncGroup; run: (ms: number) => void; skips: Skip[] } {
  const sync = new SyncGroup(AT, () => NOW);
  const skips: Skip[] = [];
  sync.onSkip = (skip) => skips.push(skip);
  sync.setPlayers(players);
  let wall = 1000;
  const run = (ms: number): void => {
    for (const end = wall + ms; wall < end; wall += 16) {
      sync.tick(wall);
      for (const player of players) player.pass(16);
    }
  };
  return { sync, run, skips };
}

describe("SyncGroup backwards", () => {
  it("goes back by key pictures as fast as is told, and is not live", () => {
    const player = new Pretended();
    player.showing.value = { is: "pictures", because: "speed" };
    player.edge_ms = AT;
    const { sync, run } = group(player);
    sync.setSpeed(-8);
    sync.play();
    run(1000);
    expect((AT - sync.at_ms.peek()) / 8000).toBeCloseTo(1, 1);
    expect(sync.live.peek()).toBe(false);
  });

  it("holds the picture of an instant as it is", () => {
    const one = new Pretended();
    const { sync, run } = group(one);
    sync.setSpeed(-1);
    sync.play();
    run(100);
    expect(one.speed).toBe(-1);
    sync.pause();
    run(20);
    expect(one.speed).toBe(1);
  });

  it("steps over what was not recorded, to what lies before it", () => {
    const player = new Pretended();
    const { sync, run } = group(player);
    sync.setSpeed(-4);
    sync.seek(AT + 100_000);
    player.showing.value = { is: "hole", hole: HOLE };
    sync.play();
    sync.seek(AT + 100_000);
    run(16);
    expect(sync.at_ms.peek()).toBe(AT - 500);
    expect(sync.playing.peek()).toBe(true);
  });

  it("stops where nothing was recorded before", () => {
    const player = new Pretended();
    player.showing.value = { is: "hole", hole: { ...HOLE, begin_ms: Number.NEGATIVE_INFINITY } };
    const { sync, run } = group(player);
    sync.setSpeed(-1);
    sync.playing.value = true;
    run(32);
    expect(sync.playing.peek()).toBe(false);
  });
});

describe("SyncGroup", () => {
  it("goes by the first video", () => {
    const large = new Pretended();
    const { sync, run } = group(large, new Pretended());
    sync.play();
    run(2000);
    expect(sync.at_ms.value).toBeCloseTo(large.video_ms, -2);
    expect(sync.at_ms.value - AT).toBeGreaterThan(1800);
  });

  it("keeps videos that run too fast or too slow within 0.3 s for a minute", () => {
    const players = [new Pretended(), new Pretended(), new Pretended()];
    (players[1] as Pretended).pace = 1.02;
    (players[2] as Pretended).pace = 0.95;
    const { sync, run } = group(...players);
    sync.play();
    for (let second = 0; second < 60; second += 1) {
      run(1000);
      const times = players.map((player) => player.video_ms);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThan(300);
    }
  });

  it("waits for all after a jump, but not for ever", () => {
    const slow = new Pretended();
    slow.ready = false;
    const { sync, run } = group(new Pretended(), slow);
    sync.play();
    run(1000);
    expect(sync.at_ms.value).toBe(AT);
    run(1500);
    expect(sync.at_ms.value).toBeGreaterThan(AT);
  });

  it("steps over time that no camera has video of, and says so", () => {
    const player = new Pretended();
    const { sync, run, skips } = group(player);
    sync.seek(AT - 1000);
    sync.play();
    run(800);
    player.showing.value = { is: "hole", hole: HOLE };
    run(100);
    expect(skips).toEqual([{ from_ms: AT, to_ms: AT + 1_140_000, hole: HOLE }]);
    expect(sync.at_ms.value).toBe(AT + 1_140_000);
  });

  it("plays on while another camera has video", () => {
    const large = new Pretended();
    const { sync, run, skips } = group(large, new Pretended());
    sync.play();
    run(500);
    large.showing.value = { is: "hole", hole: HOLE };
    run(1000);
    expect(skips).toEqual([]);
    expect(sync.at_ms.value - AT).toBeGreaterThan(1200);
  });

  it("stays where a jump led into a gap, and goes on when told to play", () => {
    const player = new Pretended();
    player.showing.value = { is: "hole", hole: HOLE };
    const { sync, run, skips } = group(player);
    sync.playing.value = true;
    run(500);
    expect([sync.playing.value, sync.at_ms.value, skips.length]).toEqual([false, AT, 0]);
    sync.play();
    expect(sync.at_ms.value).toBe(AT + 1_140_000);
  });

  it("goes by the wall while key pictures are shown", () => {
    const player = new Pretended();
    player.showing.value = { is: "pictures", because: "speed" };
    const { sync, run } = group(player);
    sync.setSpeed(32);
    sync.play();
    run(2000);
    expect((sync.at_ms.value - AT) / 2000).toBeGreaterThan(25);
  });

  it("is live near the newest video, at 1x", () => {
    const player = new Pretended();
    player.edge_ms = NOW - 1000;
    const { sync, run } = group(player);
    sync.goLive();
    run(300);
    expect(sync.live.value).toBe(true);
    sync.setSpeed(8);
    expect(sync.speed.value).toBe(1);
    sync.pause();
    expect(sync.live.value).toBe(false);
  });

  it("goes to what is live itself where all can show it, also for one that comes later", () => {
    const [first, second] = [new Pretended(), new Pretended()];
    first.showsLive = second.showsLive = true;
    first.edge_ms = NOW - 4000;
    const { sync } = group(first);
    sync.goLive();
    expect([sync.at_ms.value, first.live]).toEqual([NOW, true]);
    sync.setPlayers([first, second]);
    expect(second.live).toBe(true);
    sync.seek(NOW - 60_000);
    expect([first.live, second.live]).toEqual([false, false]);
  });

  it("goes to what was recorded last where one can show nothing newer", () => {
    const [first, second] = [new Pretended(), new Pretended()];
    first.showsLive = true;
    first.edge_ms = second.edge_ms = NOW - 1000;
    const { sync } = group(first, second);
    sync.goLive();
    expect([sync.at_ms.value, first.live]).toEqual([NOW - 2500, false]);
  });

  it("never goes past now", () => {
    const { sync } = group(new Pretended());
    sync.seek(NOW + 60_000);
    expect(sync.at_ms.value).toBe(NOW);
  });

  it("never goes back while it plays, also where who leads has come to its end", () => {
    const [first, second] = [new Pretended(), new Pretended()];
    const { sync, run } = group(first, second);
    sync.play();
    run(1000);
    const before = sync.at_ms.value;
    first.showing.value = { is: "hole", hole: HOLE };
    second.video_ms = before - 110;
    run(16);
    expect(sync.at_ms.value).toBeGreaterThanOrEqual(before);
    run(1000);
    expect(sync.at_ms.value).toBeGreaterThan(before);
  });

  it("does not stop at a moment of nothing between two files when it steps", () => {
    const player = new Pretended();
    const { sync, run } = group(player);
    player.nothingUntil_ms = AT + 300;
    sync.step(1);
    run(400);
    expect(sync.at_ms.value).toBe(AT + 320);
    sync.seek(AT);
    run(400);
    expect(sync.at_ms.value).toBe(AT);
  });

  it("steps one picture, standing still", () => {
    const { sync, run } = group(new Pretended());
    sync.play();
    run(100);
    const before = sync.at_ms.value;
    sync.step(1);
    expect(sync.playing.value).toBe(false);
    expect(sync.at_ms.value - before).toBeGreaterThan(0);
    expect(sync.at_ms.value - before).toBeLessThan(120);
  });
});

describe("correction", () => {
  it("leaves small differences alone, mends middling ones by at most 3 %, and jumps over large ones", () => {
    expect(correction(20, 1)).toEqual({ is: "rate", rate: 1 });
    expect(correction(100, 1)).toEqual({ is: "rate", rate: 0.97 });
    expect(correction(-100, 4)).toEqual({ is: "rate", rate: 4.12 });
    expect(correction(600, 1).is).toBe("jump");
  });
});
