/** Whole things for tests, of which only what matters is named. */
import type { Camera, CameraState, Health, TawnyEvent, Visit } from "../api/types";

export function camera(id: string, state: CameraState = "recording", more: Partial<Camera> = {}): Camera {
  return {
    id,
    name: id[0]?.toUpperCase() + id.slice(1),
    state,
    since_ms: 0,
    detail: "",
    last_packet_ms: null,
    fps: null,
    bit_rate: null,
    clock_offset_s: null,
    latency_s: null,
    recorded_today: 1,
    gaps_today: 0,
    damage_today: { spans: 0, seconds: 0, pictures: 0, packets_missing: 0 },
    where: "",
    rotate: 0,
    mirror: false,
    lens: { kind: "none" },
    mask: { effect: "hidden", burned_in: false, parts: [] },
    streams: { main: null, sub: null },
    audio: false,
    ...more,
  };
}

/** Counts as the recorder does: what was switched off by choice is not among those that should watch. */
export function health(cameras: Camera[], more: Partial<Health> = {}): Health {
  const chosen = cameras.filter((each) => ["paused", "off", "mode_off"].includes(each.state)).length;
  const ended = cameras.filter((each) => each.state === "ended").length;
  const asleep = cameras.filter((each) => each.state === "asleep").length;
  const on = cameras.filter((each) => each.state === "recording").length;
  const starting = cameras.filter((each) => each.state === "starting").length;
  return {
    working: on,
    expected: cameras.length - chosen - ended - asleep,
    chosen_off: chosen,
    summary: "The recorder's sentence.",
    trouble: cameras.length - chosen - ended - asleep - on - starting,
    counts: {
      ...{ recording: on, waiting: 0, asleep, starting, ended, unknown: cameras.filter((each) => each.state === "unknown").length },
      paused: cameras.filter((each) => each.state === "paused").length,
      off: chosen - cameras.filter((each) => each.state === "paused").length,
      trouble: cameras.filter((each) => ["offline", "refused", "blocked"].includes(each.state)).length,
    },
    ok: on === cameras.length - chosen - ended - asleep,
    cameras,
    disk: null,
    warnings: [],
    started_ms: 0,
    now_ms: 1_000,
    ...more,
  };
}

export function event(id: string, start_ms: number, more: Partial<TawnyEvent> = {}): TawnyEvent {
  return {
    id,
    camera: "front",
    type: "motion",
    start: "",
    end: "",
    start_ms,
    end_ms: start_ms + 5_000,
    score: 50,
    box: null,
    zones: [],
    objects: [],
    kept: false,
    reviewed: false,
    false_alarm: "",
    muted: false,
    recognized: [],
    possible: [],
    possible_type: "",
    labeled_as: "",
    display_type: more.type ?? "motion",
    level: "alert",
    snapshot: null,
    clip: `/media/${id}.mp4`,
    title: `Motion at Front door ${id}`,
    ...more,
  };
}

/** A visit of these events, oldest first. */
export function visit(id: string, ...events: TawnyEvent[]): Visit {
  const [first] = events;
  if (!first) throw new Error("a visit has at least one event");
  const ends = events.map((one) => one.end_ms);
  return {
    id,
    title: `Visit ${id}`,
    type: first.display_type,
    level: events.some((one) => one.level === "alert") ? "alert" : first.level,
    start: "",
    end: "",
    start_ms: first.start_ms,
    end_ms: ends.includes(null) ? null : Math.max(...ends.map(Number)),
    cameras: [...new Set(events.map((one) => one.camera))],
    new: events.filter((one) => !one.reviewed).length,
    best: first,
    events,
  };
}
