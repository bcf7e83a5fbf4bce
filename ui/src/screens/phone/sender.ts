/** Sends this device's camera to the recorder by WebRTC, and connects again by itself until it is stopped. */
import { signal } from "@preact/signals";
import { ApiError, pageKey, renewKey } from "../../api/client";
import type { ErrorResponse, PhoneConnectionInfo, PhoneJoined, PhoneRights } from "../../api/schema";
import { t } from "../../strings";
import { translated } from "../../strings/language";
import { phoneCamera } from "../../strings/phone-camera";
import { device } from "../../ui/agents";
import { recall, remember } from "../../ui/remember";
import { sentences } from "../../ui/sentences";
import { decimal } from "../../ui/times";

const words = phoneCamera.page;
const FIRST_MS = 1000;
const MOST_MS = 5000;
/** So often more, each MOST_MS, a phone that was removed asks whether that was undone. */
const HOPES = 7;
/** So long a connection may be interrupted before a new one is made. */
const LOST_MS = 4000;
const LOOK_MS = 2000;
const MOST_PATIENCE_MS = 60_000;
/** The recorder reports every second, also while the camera is paused. */
const SILENT_MS = 5000;
const ANSWER_MS = 15_000;
const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 20, max: 30 } };
/** Most of what is sent, bit/s; the recorder sets the same limit. */
const MOST_BITS = 2_500_000;

export type Facing = "environment" | "user";
export type Sending = "stopped" | "connecting" | "sending" | "waiting" | "removed" | "elsewhere";

/** What this browser keeps between visits. token: gives the right to send to one camera. */
interface Kept {
  token: string;
  camera: string;
  facing: Facing;
  stopped: boolean;
  /** The code with which it became that, used since. */
  code?: string;
}

export function kept(): Kept | null {
  const text = recall("phone");
  if (!text) return null;
  try {
    return JSON.parse(text) as Kept;
  } catch {
    return null;
  }
}

function keep(change: Partial<Kept>): void {
  const now = kept() ?? { token: "", camera: "", facing: "environment", stopped: false };
  remember("phone", JSON.stringify({ ...now, ...change }));
}

/** Whether this browser has what is needed at all; without https there is no camera. */
export const canSend = (): boolean =>
  "RTCRtpSender" in window && (RTCRtpSender.getCapabilities?.("video")?.codecs ?? []).some(({ mimeType }) => mimeType.toLowerCase() === "video/h264");

export class Sender {
  readonly state = signal<Sending>("stopped");
  readonly problem = signal("");
  readonly picture = signal<MediaStream | null>(null);
  readonly facing = signal<Facing>(kept()?.facing ?? "environment");
  readonly hasOthers = signal(false);
  readonly sound = signal(false);
  readonly awake = signal(true);
  readonly rate = signal("");
  readonly camera = signal(kept()?.camera ?? "");
  private connection: RTCPeerConnection | null = null;
  private video: RTCRtpSender | null = null;
  private audio: RTCRtpSender | null = null;
  private microphone: MediaStreamTrack | null = null;
  private lock: WakeLockSentinel | null = null;
  private turn = 0;
  /** Until when a muted camera isn't opened again, and for how long. */
  private patient_ms = 0;
  private patience_ms = LOOK_MS;
  /** What was last found muted. */
  private muted: MediaStream | null = null;
  private opening: symbol | null = null;
  private hearing: symbol | null = null;
  private claim: symbol | null = null;
  private wait_ms = FIRST_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private bytes: { at: number; sent: number } | null = null;

  constructor() {
    addEventListener("pagehide", () => this.connection?.close());
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted && this.connection) this.start();
    });
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => {
      this.trust();
      void this.seenAgain();
    });
    setInterval(() => void this.look(), LOOK_MS);
  }

  /** Opens the camera; what refuses it is in `problem`. False also when it was stopped or asked for again meanwhile. */
  async open(): Promise<boolean> {
    this.closeCamera();
    const mine = (this.opening = Symbol());
    try {
      const media = await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, facingMode: { ideal: this.facing.value } } });
      const [track] = media.getVideoTracks();
      if (this.opening !== mine) {
        track?.stop();
        return false;
      }
      if (track) {
        track.contentHint = "motion";
        track.onended = () => void this.seenAgain();
      }
      this.picture.value = media;
      this.problem.value = "";
      await this.video?.replaceTrack(track ?? null);
      const devices = await navigator.mediaDevices.enumerateDevices();
      this.hasOthers.value = devices.filter(({ kind }) => kind === "videoinput").length > 1;
      return this.opening === mine;
    } catch (reason) {
      if (this.opening === mine) this.problem.value = refusal(reason);
      return false;
    } finally {
      if (this.opening === mine) this.opening = null;
    }
  }

  /** Uses the one-time code. Throws an ApiError. */
  async join(code: string): Promise<void> {
    const joined = await ask<PhoneJoined>("/phone/join", { code, device: device(navigator.userAgent) }, "");
    renewKey();
    this.camera.value = joined.camera_name;
    keep({ token: joined.token, camera: joined.camera_name, facing: this.facing.value, stopped: false, code });
  }

  /** now: takes over from the page of this browser that sends, else waits until that one is closed. */
  start(now = true): void {
    keep({ stopped: false });
    this.trust();
    this.take(now);
  }

  stop(): void {
    keep({ stopped: true });
    this.end("stopped");
  }

  /** Phones have one camera open at a time. */
  async switchCamera(): Promise<void> {
    this.facing.value = this.facing.value === "user" ? "environment" : "user";
    keep({ facing: this.facing.value });
    await this.openAndSend();
  }

  /** Phones close the camera while another page is shown, and another app may have it. */
  async reopen(): Promise<void> {
    if (document.hidden || this.opening || !this.isOn) return;
    const media = this.picture.value;
    const tracks = media?.getVideoTracks();
    const now = performance.now();
    if (tracks?.some(({ readyState, muted }) => readyState === "live" && muted)) {
      // iOS mutes a camera that another app takes, and may never give it back; one that stays muted is opened more and more rarely.
      this.muted = media;
      if (now < this.patient_ms) return;
      this.patience_ms = Math.min(MOST_PATIENCE_MS, this.patience_ms * 2);
      this.patient_ms = now + this.patience_ms;
    } else if (tracks?.every(({ readyState }) => readyState === "live")) {
      // Back by itself, or well since an opening for longer than the last wait: each may bring it back for a moment only.
      if (media === this.muted || now > this.patient_ms) this.trust();
      return;
    }
    await this.openAndSend();
  }

  async setSound(on: boolean): Promise<void> {
    this.problem.value = "";
    this.mute();
    this.sound.value = on;
    const mine = (this.hearing = Symbol());
    if (on) {
      try {
        const media = await navigator.mediaDevices.getUserMedia({ audio: true });
        const [track] = media.getAudioTracks();
        if (this.hearing !== mine) return track?.stop();
        this.microphone = track ?? null;
        if (track) track.onended = () => void this.seenAgain();
      } catch {
        if (this.hearing !== mine) return;
        this.problem.value = words.noSound;
      }
    }
    this.sound.value = !!this.microphone;
    await this.audio?.replaceTrack(this.microphone);
  }

  private get isOn(): boolean {
    return ["connecting", "sending", "waiting"].includes(this.state.value);
  }

  /** One page of a browser sends, the newest: two with one token would end each other's connections for ever. */
  private take(now: boolean): void {
    const claim = (this.claim = Symbol());
    let has = false;
    this.state.value = now ? "connecting" : "elsewhere";
    const granted = () => {
      if (claim !== this.claim) return undefined;
      has = true;
      if (kept()?.stopped) this.end("stopped");
      else void this.begin();
      return new Promise<void>(() => undefined); // until the page is closed
    };
    navigator.locks.request("tawny-phone", { steal: now }, granted).catch(() => {
      if (claim !== this.claim) return;
      if (!has) return void this.begin(); // a browser that refuses locks
      this.end("elsewhere");
      this.take(false);
    });
  }

  private async begin(): Promise<void> {
    this.hangUp();
    this.state.value = "connecting";
    this.problem.value = "";
    void this.keepAwake();
    await (this.picture.value ? this.connect() : this.openAndSend());
  }

  private async openAndSend(): Promise<void> {
    if (!(await this.open())) return;
    if (this.sound.value && !this.hearing) void this.setSound(true); // after a removal that was undone
    if (!this.connection) await this.connect();
  }

  private async connect(): Promise<void> {
    const turn = ++this.turn;
    this.hangUp();
    this.state.value = "connecting";
    try {
      await this.meet(turn);
    } catch (reason) {
      if (turn !== this.turn) return;
      const status = reason instanceof ApiError && reason.code !== "unknown" ? reason.status : 0; // 0: no word of the recorder's own
      if ([401, 403, 410].includes(status)) {
        this.end("removed");
        keep({ camera: "" }); // it is none, unless that is undone
        if (status === 410) this.hope();
      } else if ([404, 409].includes(status)) {
        this.problem.value = sentences(reason);
        this.end("stopped");
      } else this.again();
    }
  }

  private async meet(turn: number): Promise<void> {
    const rights = await ask<PhoneRights>("/phone");
    if (turn !== this.turn) return;
    this.camera.value = rights.camera_name;
    keep({ camera: rights.camera_name });
    const connection = new RTCPeerConnection({
      iceServers: rights.ice_servers.map(({ urls, username, credential }) => ({
        urls,
        ...(username ? { username, credential: credential ?? "" } : {}),
      })),
    });
    this.connection = connection;
    connection.onconnectionstatechange = () => {
      if (turn === this.turn) this.changed(connection);
    };
    const [track] = this.picture.value?.getVideoTracks() ?? [];
    this.video = connection.addTransceiver(track ?? "video", { direction: "sendonly" }).sender;
    this.audio = connection.addTransceiver(this.microphone ?? "audio", { direction: "sendonly" }).sender;
    await limit(this.video);
    await connection.setLocalDescription();
    const { transport } = this.video;
    if (transport)
      transport.onstatechange = () => {
        if (turn === this.turn && transport.state === "closed") this.again(); // the recorder has ended it
      };
    const { answer } = await ask<PhoneConnectionInfo>("/phone/rtc", { offer: connection.localDescription?.sdp ?? "" });
    if (turn === this.turn) await connection.setRemoteDescription({ type: "answer", sdp: answer });
  }

  private changed(connection: RTCPeerConnection): void {
    clearTimeout(this.timer);
    switch (connection.connectionState) {
      case "connected":
        this.state.value = "sending";
        this.wait_ms = FIRST_MS;
        break;
      case "disconnected":
        this.timer = setTimeout(() => this.again(), LOST_MS);
        break;
      case "failed":
      case "closed":
        this.again();
    }
  }

  private again(): void {
    this.hangUp();
    this.state.value = "waiting";
    this.timer = setTimeout(() => void this.connect(), this.wait_ms);
    this.wait_ms = Math.min(MOST_MS, this.wait_ms * 2);
  }

  /** A removal can be undone for 30 s. The camera stays closed meanwhile. */
  private hope(tries = HOPES): void {
    const { turn } = this;
    const back = () => this.state.value === "removed" && this.take(true);
    const no = ({ status }: ApiError) => turn === this.turn && status !== 401 && tries && this.hope(tries - 1);
    this.timer = setTimeout(() => ask("/phone").then(back, no), MOST_MS);
  }

  /** A camera that is muted is opened at once, and after short waits again. */
  private trust(): void {
    this.patient_ms = 0;
    this.patience_ms = LOOK_MS;
  }

  private hurry(): void {
    if (this.state.value === "waiting") void this.connect();
  }

  private end(state: Sending): void {
    this.claim = null;
    this.turn += 1;
    this.hangUp();
    this.closeCamera();
    this.mute();
    this.sound.value &&= state === "removed";
    void this.lock?.release();
    this.lock = null;
    this.state.value = state;
  }

  private mute(): void {
    this.microphone?.stop();
    this.microphone = this.hearing = null;
  }

  private hangUp(): void {
    clearTimeout(this.timer);
    if (this.connection) {
      this.connection.onconnectionstatechange = null;
      this.connection.close();
    }
    this.connection = this.video = this.audio = this.bytes = null;
    this.rate.value = "";
  }

  closeCamera(): void {
    this.opening = null;
    this.rate.value = "";
    for (const track of this.picture.value?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.picture.value = null;
  }

  /** Back in front, or the system has taken the camera away. */
  private async seenAgain(): Promise<void> {
    if (document.hidden || !this.isOn) return;
    void this.keepAwake();
    await this.reopen();
    if (this.microphone?.readyState === "ended") void this.setSound(true);
    this.hurry();
  }

  private async keepAwake(): Promise<void> {
    try {
      this.lock = (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      this.lock = null; // the page says so
    }
    this.awake.value = !!this.lock;
  }

  private async look(): Promise<void> {
    // A browser may show its question each time it is asked.
    if (this.problem.value !== words.refused) void this.reopen();
    await this.measure();
  }

  private async measure(): Promise<void> {
    const { connection } = this;
    const stats = [...((await connection?.getStats()) ?? new Map()).values()];
    if (connection !== this.connection || this.state.value !== "sending" || !this.picture.value) return;
    const heard = Math.max(0, ...stats.map((one) => (one.type === "candidate-pair" && one.nominated && one.lastPacketReceivedTimestamp) || 0));
    const now = stats[0]?.timestamp ?? 0;
    if (heard > 0 && now - heard > SILENT_MS) {
      this.again();
      return;
    }
    for (const one of stats) {
      if (one.type !== "outbound-rtp" || !one.frameWidth) continue;
      const before = this.bytes;
      this.bytes = { at: one.timestamp, sent: one.bytesSent };
      if (!before || one.timestamp <= before.at) continue;
      const bits = ((one.bytesSent - before.sent) * 8) / (one.timestamp - before.at) / 1000;
      this.rate.value = words.rate(`${one.frameWidth}×${one.frameHeight}`, String(Math.round(one.framesPerSecond ?? 0)), decimal(bits));
    }
  }
}

/** Each change of the resolution begins another file. */
async function limit(sender: RTCRtpSender): Promise<void> {
  const encoding = sender.getParameters();
  encoding.degradationPreference = "maintain-resolution";
  for (const one of encoding.encodings ?? []) one.maxBitrate = MOST_BITS;
  try {
    await sender.setParameters(encoding);
  } catch {
    // A browser that cannot yet keeps its own choice; the recorder asks for the same limit.
  }
}

function refusal(reason: unknown): string {
  const name = reason instanceof DOMException ? reason.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return words.refused;
  if (name === "NotFoundError" || name === "OverconstrainedError") return words.noCamera;
  return name === "NotReadableError" || name === "AbortError" ? words.busy : words.failed;
}

/** Asks as this phone, which has no session. With a body: POST. */
async function ask<T>(path: string, body?: unknown, token = kept()?.token): Promise<T> {
  const init: RequestInit = {
    method: body ? "POST" : "GET",
    credentials: "omit",
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-Tawny": "1",
      ...(token ? { Authorization: `Bearer ${token}` } : { "Idempotency-Key": pageKey }),
    },
    body: JSON.stringify(body), // none for none
  };
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, init);
  } catch {
    throw new ApiError(0, "no_connection", t.problems.noConnection, t.problems.noConnectionDo);
  }
  const said: unknown = await answer.json().catch(() => null); // a proxy's own page
  if (answer.ok && said) return said as T;
  const { code, message, hint } = translated<Partial<ErrorResponse>>(said ?? {});
  throw new ApiError(answer.status, code ?? "unknown", message ?? t.problems.unknown, hint ?? "");
}
