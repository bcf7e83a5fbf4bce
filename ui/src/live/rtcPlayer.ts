/** Live video by WebRTC. One request begins it; after that only pictures travel, by UDP, TCP or a TURN server. */
import { get, url } from "../api/client";
import { localNow, recorderClock, utcOfRtp } from "./clock";
import { Watched } from "./shown";
import { type Listener, type Numbers, PATIENCE_MS, type Player, codecName } from "./told";

interface Servers {
  webrtc: boolean;
  ice_servers: { urls: string[]; username?: string | null; credential?: string | null }[];
}

const SERVERS_MS = 1_800_000;
const TICK_MS = 1_000;
const STUCK_MS = 8_000;
const BREAKS = 3;
let servers: { at: number; told: Promise<Servers> } | null = null;

function askServers(): Promise<Servers> {
  if (!servers || localNow() - servers.at > SERVERS_MS) {
    const told = get<Servers>("/live/servers");
    servers = { at: localNow(), told };
    told.catch(() => (servers = null));
  }
  return servers.told;
}

/** What of the recorder's, or which server, the packets come through. */
function throughOf(stats: RTCStatsReport): Pick<Numbers, "through"> {
  const all: (RTCStats & Record<string, unknown>)[] = [];
  stats.forEach((report: RTCStats & Record<string, unknown>) => all.push(report));
  const pair = all.find((report) => report["id"] === all.find(({ type }) => type === "transport")?.["selectedCandidatePairId"]);
  const ends = all.filter(({ id }) => id === pair?.["localCandidateId"] || id === pair?.["remoteCandidateId"]);
  if (ends.some((end) => end["candidateType"] === "relay")) return { through: "relay" };
  const protocol = ends[0]?.["protocol"];
  return protocol === "udp" || protocol === "tcp" ? { through: protocol } : {};
}

/** For tests and for finding faults: `?ice=relay` lets nothing but a TURN server be used. */
const RELAY_ONLY = new URLSearchParams(location.search).get("ice") === "relay";

export class RtcPlayer implements Player {
  private link: RTCPeerConnection | null = null;
  private place = "";
  private watched: Watched | null = null;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private begun_ms = 0;
  private shown = 0;
  private shown_ms = 0;
  private breaks = 0;
  private before = { bytes: 0, decoded: 0, received: 0, missing: 0 };
  private stream = "";
  private stopped = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly camera: string,
    private readonly wanted: string,
    private readonly listener: Listener,
  ) {}

  start(): void {
    recorderClock();
    this.ticker = setInterval(() => void this.tick(), TICK_MS);
    void this.open();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.ticker);
    this.close();
    this.listener.onView({ kind: "idle" });
  }

  private async open(): Promise<void> {
    this.listener.onView({ kind: "connecting" });
    this.begun_ms = localNow();
    this.shown = 0;
    try {
      const told = await askServers();
      if (this.stopped) return;
      if (!told.webrtc) this.listener.onFail("refused");
      else await this.connect(told);
    } catch {
      if (!this.stopped) this.listener.onFail("blocked");
    }
  }

  private async connect(told: Servers): Promise<void> {
    const link = new RTCPeerConnection({
      iceServers: told.ice_servers.map(({ urls, username, credential }) => ({
        urls,
        ...(username ? { username, credential: credential ?? "" } : {}),
      })),
      iceTransportPolicy: RELAY_ONLY ? "relay" : "all",
    });
    this.link = link;
    const stream = new MediaStream();
    link.ontrack = ({ track, receiver }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
    };
    link.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) void this.say("PATCH", candidate.candidate);
    };
    link.onconnectionstatechange = () => {
      if (link.connectionState === "failed") this.broke();
    };
    link.addTransceiver("video", { direction: "recvonly" });
    link.addTransceiver("audio", { direction: "recvonly" });
    await link.setLocalDescription(await link.createOffer());
    const answer = await fetch(url(`/cameras/${encodeURIComponent(this.camera)}/rtc`, { stream: this.wanted }), {
      method: "POST",
      headers: { "Content-Type": "application/sdp", "X-Tawny": "1" },
      body: link.localDescription?.sdp ?? "",
    });
    this.place = answer.headers.get("Location") ?? "";
    this.stream = answer.headers.get("X-Stream") ?? "";
    const text = await answer.text();
    if (this.stopped || this.link !== link) {
      this.close();
      return;
    }
    if (!answer.ok) {
      this.close();
      this.refused(answer.status, text);
      return;
    }
    await link.setRemoteDescription({ type: "answer", sdp: text });
    this.video.srcObject = stream;
    this.watched = new Watched(
      this.video,
      ({ rtpTimestamp }) => {
        const clock = recorderClock();
        return clock && rtpTimestamp !== undefined ? utcOfRtp(rtpTimestamp, localNow() + clock.ahead_ms) : null;
      },
      () => this.listener.onView({ kind: "playing", sound: this.hasSound(text), stream: this.stream }),
    );
    void this.video.play().catch((reason: unknown) => {
      if (reason instanceof DOMException && reason.name === "NotAllowedError") this.video.muted = true;
    });
  }

  private hasSound(answer: string): boolean {
    return /m=audio [1-9]/.test(answer);
  }

  private refused(status: number, text: string): void {
    if (status === 404 && text.includes("no_picture"))
      this.listener.onView({ kind: "waiting", state: null, detail: "" });
    else this.listener.onFail(status === 0 || status >= 500 ? "blocked" : "refused");
  }

  private close(): void {
    this.watched?.stop();
    this.watched = null;
    if (this.place) void this.say("DELETE");
    this.place = "";
    if (this.link) {
      this.link.ontrack = this.link.onicecandidate = this.link.onconnectionstatechange = null;
      this.link.close();
    }
    this.link = null;
    this.video.srcObject = null;
    this.before = { bytes: 0, decoded: 0, received: 0, missing: 0 };
  }

  private async say(method: string, body?: string): Promise<void> {
    if (!this.place) return;
    const headers = { "X-Tawny": "1", "Content-Type": "application/trickle-ice-sdpfrag" };
    try {
      await fetch(this.place, { method, headers, keepalive: true, ...(body ? { body: `a=${body}` } : {}) });
    } catch {
      // what it would have said is found out without it
    }
  }

  /** It played, or nearly, and does not any more. */
  private broke(): void {
    const played = this.shown > 0;
    this.close();
    this.breaks += 1;
    if (!played || this.breaks >= BREAKS) this.listener.onFail(played ? "broken" : "blocked");
    else void this.open();
  }

  private async tick(): Promise<void> {
    const { link, watched } = this;
    const now = localNow();
    if (!link) return;
    const count = watched?.count ?? 0;
    if (count !== this.shown) this.shown_ms = now;
    this.shown = count;
    if (count === 0 ? now - this.begun_ms > PATIENCE_MS : now - this.shown_ms > STUCK_MS) {
      this.broke();
      return;
    }
    const stats = await link.getStats();
    if (this.link !== link || count === 0) return;
    this.tell(stats, watched?.take() ?? null);
  }

  private tell(stats: RTCStatsReport, delay: ReturnType<Watched["take"]>): void {
    let codec = "";
    stats.forEach((report: RTCStats & { mimeType?: string }) => {
      if (report.type === "codec" && report.mimeType?.startsWith("video/")) codec = codecName(report.mimeType);
    });
    stats.forEach((report: RTCInboundRtpStreamStats) => {
      if (report.type !== "inbound-rtp" || report.kind !== "video") return;
      const now = {
        bytes: report.bytesReceived ?? 0,
        decoded: report.framesDecoded ?? 0,
        received: report.packetsReceived ?? 0,
        missing: report.packetsLost ?? 0,
      };
      const missing = Math.max(0, now.missing - this.before.missing);
      const came = Math.max(0, now.received - this.before.received);
      this.listener.onNumbers({
        codec,
        width: this.video.videoWidth,
        height: this.video.videoHeight,
        fps: Math.max(0, now.decoded - this.before.decoded),
        bit_rate: Math.max(0, now.bytes - this.before.bytes) * 8,
        delay,
        lost: missing,
        ...throughOf(stats),
      });
      this.listener.onLine({ late_s: 0, lost: missing / Math.max(1, missing + came) });
      this.before = now;
    });
  }
}
