// Made by scripts/interface_types.py from the server's code; edit src/tawny/web/shapes.py, not this file.

export interface BulkMarks {
  ids: string[];
  kept?: boolean | null;
  reviewed?: boolean | null;
}

export interface CameraInfo {
  audio: boolean;
  bit_rate: number | null;
  detail: string;
  fps: number | null;
  gaps_today: number;
  id: string;
  last_packet_ms: number | null;
  name: string;
  recorded_today: number | null;
  since_ms: number;
  state: "recording" | "waiting" | "scheduled_off" | "mode_off" | "paused" | "off" | "starting" | "offline" | "refused" | "frozen" | "blocked";
  streams: Streams;
}

  clock_offset_s: number | null;
  damage_today: DamageToday;
export interface Cameras {
  items: CameraInfo[];
}

export interface Change {
  after_s: number;
  at_ms: number;
  before_s: number;
}

export interface Claim {
  name: string;
  password: string;
  token: string;
}

export interface Day {
  begin_ms: number;
  gaps: number;
  recorded_s: number;
}

export interface Days {
  days: Day[];
}

export interface DiskInfo {
  free_bytes: number;
  full_at_ms: number | null;
  keeps_days: number | null;
  total_bytes: number;
  used_bytes: number;
}

export interface Done {
  ok?: boolean;
}

export interface EventInfo {
  box: [number, number, number, number] | null;
  camera: string;
  clip: string;
  end: string | null;
  end_ms: number | null;
  false_alarm: string;
  id: string;
  kept: boolean;
  kind: string;
  objects: SeenObject[];
  picture: string | null;
  reviewed: boolean;
  score: number;
  start: string;
  start_ms: number;
  title: string;
  zones: string[];
}

export interface Events {
  items: EventInfo[];
  new: number;
  next: string | null;
}

export interface Feedback {
  false_alarm: "shadow" | "weather" | "known" | "traffic" | "other" | string;
}

export interface GapInfo {
  begin_ms: number;
  detail: string;
  end_ms: number | null;
  reason: string;
  tone: "warn" | "choice" | "faint";
  words: string;
}

export interface Health {
  cameras: CameraInfo[];
  chosen_off: number;
  disk: DiskInfo | null;
  now_ms: number;
  of: number;
  ok: boolean;
  on_watch: number;
  started_ms: number;
  trouble: number;
  warnings: Warn[];
}

export interface IceServer {
  credential?: string | null;
  urls: string[];
  username?: string | null;
}

export interface Lane {
  events: EventInfo[];
  gaps: GapInfo[];
  id: string;
  motion: Motion;
  spans: [number, number][];
  waiting: [number, number][];
}

export interface Link {
  token: string;
}

export interface LiveServers {
  ice_servers: IceServer[];
  webrtc: boolean;
}

export interface LocalTime {
  now_ms: number;
  offset_s: number;
  transitions: Change[];
  zone: string;
}

export interface Marked {
  items: EventInfo[];
}

export interface Marks {
  kept?: boolean | null;
  reviewed?: boolean | null;
}

export interface Motion {
  begin_ms: number;
  data: string;
  step_s: number;
}

export interface Ok {
  ok: boolean;
}

export interface Play {
  gap: GapInfo | null;
  items: Playable[];
  next_ms: number | null;
}

export interface Playable {
  audio: string;
  end_ms: number;
  id: string;
  open: boolean;
  start_ms: number;
  stream: "main" | "sub";
  url: string;
  video: string;
}

export interface Proposal {
  leaves: string[];
  level: number | null;
  loses: EventInfo[];
  removes: string[];
}

export interface SeenObject {
  label: string;
  score: number;
}

export interface SessionInfo {
  recorder: string;
  state: "setup" | "signed-out" | "signed-in";
  user: User | null;
  version: string;
}

export interface SignIn {
  name: string;
  password: string;
}

export interface SignedIn {
  user: User;
}

export interface SpotFound {
  spans: [number, number][];
}

export interface Stream {
  audio: string;
  codec: string;
  height: number;
  width: number;
}

export type StreamName = "main" | "sub";

export interface Streams {
  main: Stream | null;
  sub: Stream | null;
}

export interface Timeline {
  cameras: Lane[];
  now_ms: number;
}

export interface Trouble {
  code: string;
  do: string;
  message: string;
  wait_s?: number | null;
}

export interface User {
  id: string;
  name: string;
  role: "owner" | "viewer";
}

export interface Warn {
  do: string;
  message: string;
}

export interface WhatIf {
  from_ms?: number | null;
  level: number;
  to_ms?: number | null;
}

export interface WouldBe {
  end_ms: number;
  score: number;
  start_ms: number;
}

export interface WouldHave {
  from_ms: number;
  level: number;
  missed: EventInfo[];
  newly: WouldBe[];
  still: string[];
  to_ms: number;
  unknown: string[];
}
