/** The shapes that the recorder sends. Times are milliseconds since 1970 in UTC. */

export type Role = "owner" | "viewer";

export interface User {
  id: string;
  name: string;
  role: Role;
}

export interface Session {
  state: "setup" | "signed-out" | "signed-in";
  user: User | null;
  version: string;
  recorder: string;
}

export type CameraState =
  | "recording"
  | "waiting"
  | "scheduled_off"
  | "mode_off"
  | "paused"
  | "off"
  | "starting"
  | "offline"
  | "refused"
  | "frozen"
  | "blocked";

export interface Stream {
  codec: string;
  width: number;
  height: number;
  /** Codec of the sound, empty when there is none. */
  audio: string;
}

export interface Camera {
  id: string;
  name: string;
  state: CameraState;
  since_ms: number;
  detail: string;
  last_packet_ms: number | null;
  fps: number | null;
  bit_rate: number | null;
  recorded_today: number | null;
  gaps_today: number;
  streams: { main: Stream | null; sub: Stream | null };
  audio: boolean;
}

export interface Disk {
  free_bytes: number;
  total_bytes: number;
  used_bytes: number;
  full_at_ms: number | null;
  keeps_days: number | null;
}

export interface Warning {
  message: string;
  do: string;
}

export interface Health {
  on_watch: number;
  of: number;
  chosen_off: number;
  trouble: number;
  ok: boolean;
  cameras: Camera[];
  disk: Disk | null;
  warnings: Warning[];
  started_ms: number;
  now_ms: number;
}

/** `package` is something left behind; `vehicle`, `animal`, `person`, `sound` and `motion` are what they say. */
export type Kind = "person" | "vehicle" | "animal" | "package" | "sound" | "motion";

export interface TawnyEvent {
  id: string;
  camera: string;
  kind: Kind;
  start: string;
  end: string | null;
  start_ms: number;
  /** null while it lasts. */
  end_ms: number | null;
  score: number;
  /** Left, top, right and bottom as fractions of the picture. */
  box: [number, number, number, number] | null;
  zones: string[];
  objects: { label?: string; score?: number }[];
  kept: boolean;
  reviewed: boolean;
  picture: string | null;
  clip: string;
  title: string;
}

export interface EventPage {
  items: TawnyEvent[];
  next: string | null;
  new: number;
}

export type GapTone = "warn" | "choice" | "faint";

export interface Gap {
  begin_ms: number;
  /** null while it lasts. */
  end_ms: number | null;
  reason: string;
  words: string;
  detail: string;
  tone: GapTone;
}

export type Span = [begin_ms: number, end_ms: number];

export interface Lane {
  id: string;
  spans: Span[];
  waiting: Span[];
  gaps: Gap[];
  events: TawnyEvent[];
  motion: {
    begin_ms: number;
    step_s: number;
    /** base64 of one byte a step, 0 to 100; 255 is not known. */
    data: string;
  } | null;
}

export interface TimelinePart {
  now_ms: number;
  cameras: Lane[];
}

export interface ZoneInfo {
  zone: string;
  now_ms: number;
  offset_s: number;
  transitions: { at_ms: number; before_s: number; after_s: number }[];
}

export interface DayInfo {
  begin_ms: number;
  recorded_s: number;
  gaps: number;
}

/** What the data socket sends. */
export type Message =
  | { ch: "state"; t: number; d: Health }
  | { ch: "event"; d: { what: "started" | "updated" | "ended"; event: TawnyEvent } }
  | { ch: "motion"; d: { camera: string; score: number; t: number } }
  | { ch: "segment"; d: { camera: string; stream: "main" | "sub"; start_ms: number; end_ms: number } }
  | { ch: "gap"; d: Gap & { camera: string } }
  | { ch: "ping"; t: number };
