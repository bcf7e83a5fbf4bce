/**
 * Several players, one clock. The clock goes by the first player whose video runs, and by the wall while only key
 * pictures are shown; it waits until all are ready after a jump, and steps over time that no camera has video of.
 */
import { type Signal, signal } from "@preact/signals";
import type { Hole } from "./pieces";
import type { Follower } from "./past";

export interface Skip {
  from_ms: number;
  to_ms: number;
  hole: Hole | null;
}

export const SPEEDS = [0.5, 1, 4, 8, 16, 32] as const;
/** Backwards, by key pictures. */
export const BACKWARDS = [-1, -4, -8, -16, -32] as const;
export type Speed = (typeof SPEEDS)[number] | (typeof BACKWARDS)[number];

/** Nearer than this to the newest recorded instant is live. */
const LIVE_MS = 9_000;
const WAIT_FOR_OTHERS_MS = 1_500;
const LONGEST_FRAME_MS = 250;
const BEFORE_HOLE_MS = 500;
const BEHIND_NOW_MS = 3_500;

export class SyncGroup {
  readonly at_ms: Signal<number>;
  readonly playing = signal(false);
  readonly speed = signal<Speed>(1);
  readonly live = signal(false);
  /** Called when time was stepped over. */
  onSkip: (skip: Skip) => void = () => {};
  /** Told of an instant while playing, says where to go on instead; null to go on. */
  detour: (at_ms: number) => number | null = () => null;

  private players: Follower[] = [];
  private primed = false;
  private primedBy_ms = 0;
  private arrived: "jump" | "played" = "jump";
  /** On the way to the picture before or after. */
  private stepping: -1 | 0 | 1 = 0;
  private tick_ms: number | null = null;

  constructor(
    at_ms: number,
    private readonly now: () => number,
  ) {
    this.at_ms = signal(at_ms);
  }

  /** Who plays, the large one first. Players that stay keep what they have. */
  setPlayers(players: readonly Follower[]): void {
    const added = players.filter((player) => !this.players.includes(player));
    this.players = [...players];
    for (const player of added) player.place(this.at_ms.peek(), this.live.peek() && this.showLive);
    if (added.length > 0) this.unprime();
  }

  seek(at_ms: number): void {
    this.live.value = false;
    this.place(Math.min(at_ms, this.now()), false);
  }

  play(): void {
    const next_ms = this.beyondHole();
    if (next_ms !== null) this.seek(next_ms);
    this.playing.value = true;
  }

  pause(): void {
    this.playing.value = false;
    this.live.value = false;
  }

  toggle(): void {
    if (this.playing.peek()) this.pause();
    else this.play();
  }

  setSpeed(speed: Speed): void {
    if (!this.live.peek() || speed <= 1) this.speed.value = speed;
  }

  step(way: 1 | -1): void {
    this.pause();
    const leader = this.players[0];
    if (!leader) return;
    this.seek(leader.beside(way));
    this.stepping = way;
  }

  goLive(): void {
    const edge_ms = this.players[0]?.edge_ms ?? null;
    const now_ms = this.now();
    const recorded_ms = edge_ms !== null && now_ms - edge_ms < 5_000 ? edge_ms - 1_500 : now_ms - BEHIND_NOW_MS;
    this.place(this.showLive ? now_ms : recorded_ms, this.showLive);
    this.speed.value = 1;
    this.live.value = true;
    this.playing.value = true;
  }

  private place(at_ms: number, live: boolean): void {
    this.at_ms.value = at_ms;
    this.stepping = 0;
    this.arrived = "jump";
    this.unprime();
    for (const player of this.players) player.place(at_ms, live);
  }

  /** One that can only show what is recorded would be left behind by the others. */
  private get showLive(): boolean {
    return this.players.length > 0 && this.players.every((player) => player.showsLive);
  }

  /** One frame of the screen. `wall_ms` is any clock that only goes forward. */
  tick(wall_ms: number): void {
    const passed = Math.min(LONGEST_FRAME_MS, wall_ms - (this.tick_ms ?? wall_ms));
    this.tick_ms = wall_ms;
    if (!this.primed) this.prime(wall_ms);
    if (this.playing.peek() && this.primed) this.advance(passed);
    const at_ms = this.at_ms.peek();
    const running = this.playing.peek() && this.primed;
    const leader = this.leader();
    // What is held is the picture of its instant, however fast it went.
    const speed = this.playing.peek() ? this.speed.peek() : 1;
    for (const player of this.players) player.follow(at_ms, speed, running, player === leader);
    if (this.stepping !== 0) this.stepOn(this.stepping);
    this.tellLive(at_ms);
  }

  /** A moment of nothing between two files is no place to stop at. */
  private stepOn(way: -1 | 1): void {
    const leader = this.players[0];
    if (!leader || leader.showing.peek().is === "loading") return;
    if (leader.between) this.step(way);
    else this.stepping = 0;
  }

  private leader(): Follower | undefined {
    return this.players.find((player) => player.clock_ms !== null);
  }

  private advance(passed_ms: number): void {
    const before = this.at_ms.peek();
    const leader = this.leader();
    const clock_ms = leader?.clock_ms ?? null;
    if (clock_ms !== null && this.speed.peek() > 0) {
      // Another leads where one has come to its end: it may be a little behind, and time does not go back.
      if (Math.abs(clock_ms - before) < 2_000) this.at_ms.value = Math.max(before, clock_ms);
    } else if (this.holes().length < this.players.length && this.speed.peek() < 0) {
      this.at_ms.value = before + passed_ms * this.speed.peek();
    } else if (this.players.some((player) => player.showing.peek().is === "pictures")) {
      this.at_ms.value = Math.min(this.now() - BEHIND_NOW_MS, before + passed_ms * this.speed.peek());
    } else return this.stepOver();
    if (this.at_ms.peek() > before) this.arrived = "played";
    const detour_ms = this.arrived === "played" ? this.detour(this.at_ms.peek()) : null;
    if (detour_ms !== null && detour_ms > this.at_ms.peek() + 1000) this.skipTo(detour_ms, null);
  }

  /** No camera has video here. Having come by playing, go on where it goes on; having come by a jump, stay and say why. */
  private stepOver(): void {
    if (this.speed.peek() < 0) return this.stepBack();
    const next_ms = this.beyondHole();
    if (next_ms === null) return;
    if (this.arrived === "jump") this.pause();
    else this.skipTo(next_ms, this.holes()[0] ?? null);
  }

  /** The same backwards: on with what was recorded before. */
  private stepBack(): void {
    const begin_ms = Math.max(...this.holes().map((hole) => hole.begin_ms));
    if (this.players.length === 0) return;
    if (Number.isFinite(begin_ms)) this.seek(Math.min(begin_ms, this.at_ms.peek()) - BEFORE_HOLE_MS);
    else this.pause();
  }

  private skipTo(to_ms: number, hole: Hole | null): void {
    const from_ms = hole?.begin_ms ?? this.at_ms.peek();
    this.onSkip({ from_ms: Number.isFinite(from_ms) ? from_ms : this.at_ms.peek(), to_ms, hole });
    this.seek(to_ms);
  }

  private beyondHole(): number | null {
    const holes = this.holes();
    if (holes.length === 0 || holes.length < this.players.length) return null;
    const ends = holes.flatMap((hole) => (hole.next_ms === null ? [] : [hole.next_ms]));
    return ends.length === 0 ? null : Math.min(...ends);
  }

  private holes(): Hole[] {
    return this.players.flatMap((player) => {
      const showing = player.showing.peek();
      return showing.is === "hole" ? [showing.hole] : [];
    });
  }

  private unprime(): void {
    this.primed = false;
    this.primedBy_ms = 0;
  }

  private prime(wall_ms: number): void {
    if (this.primedBy_ms === 0) this.primedBy_ms = wall_ms + WAIT_FOR_OTHERS_MS;
    const all = this.players.every((player) => player.ready);
    const some = this.players.some((player) => player.ready);
    if (this.players.length > 0 && (all || (some && wall_ms > this.primedBy_ms))) this.primed = true;
  }

  private tellLive(at_ms: number): void {
    const edges = this.players.flatMap((player) => (player.edge_ms === null ? [] : [player.edge_ms]));
    const edge_ms = edges.length === 0 ? null : Math.max(...edges);
    const near = edge_ms !== null && this.now() - edge_ms < 20_000 && edge_ms - at_ms < LIVE_MS;
    const undecided = this.live.peek() && (!this.primed || edge_ms === null);
    const live = this.playing.peek() && this.speed.peek() > 0 && (near || undecided);
    if (live !== this.live.peek()) this.live.value = live;
    if (live && this.speed.peek() > 1) this.speed.value = 1;
  }
}
