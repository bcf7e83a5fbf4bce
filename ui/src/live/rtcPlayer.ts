/** Live video by WebRTC. One request begins it; after that only pictures travel, by UDP, TCP or a TURN server. */
import { onSecond } from "./beat";
import { localNow, recorderClock, utcOfRtp } from "./clock";
import { Refused, RtcLink } from "./rtcLink";
import { Watched } from "./shown";
import { type Listener, type Numbers, PATIENCE_MS, type Player, SLOW_MS, codecName } from "./told";

const STUCK_MS = 8_000;
const BREAKS = 3;

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

export class RtcPlayer implements Player {
  private link: RtcLink | null = null;
  private watched: Watched | null = null;
  private rest: (() => void) | undefined;
  private begun_ms = 0;
  private shown = 0;
  private shown_ms = 0;
  private breaks = 0;
  private before = { bytes: 0, decoded: 0, received: 0, missing: 0 };
  private stopped = false;
  /** Which try is under way: what an earlier one comes to is not wanted any more. */
  private opening = 0;
  private asking = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly camera: string,
    private readonly wanted: string,
    private readonly listener: Listener,
  ) {}

  start(): void {
    recorderClock();
    this.rest = onSecond(() => void this.tick());
    void this.open();
  }

  stop(): void {
    this.stopped = true;
    this.rest?.();
    this.close();
    this.listener.onView({ kind: "idle" });
  }

  private async open(): Promise<void> {
    this.listener.onView({ kind: "connecting" });
    this.begun_ms = localNow();
    this.shown = 0;
    this.opening += 1;
    const mine = this.opening;
    this.asking = true;
    try {
      const link = await RtcLink.open(this.camera, this.wanted, () => this.broke());
      if (this.stopped || mine !== this.opening) link.close();
      else this.play(link);
    } catch (reason) {
      if (this.stopped || mine !== this.opening) return;
      if (reason instanceof Refused) this.refused(reason);
      else this.listener.onFail("blocked");
    } finally {
      if (mine === this.opening) this.asking = false;
    }
  }

  private play(link: RtcLink): void {
    this.link = link;
    this.video.srcObject = link.media;
    this.watched = new Watched(
      this.video,
      ({ rtpTimestamp }) => {
        const clock = recorderClock();
        return clock && rtpTimestamp !== undefined ? utcOfRtp(rtpTimestamp, localNow() + clock.ahead_ms) : null;
      },
      () => this.listener.onView({ kind: "playing", sound: link.hasSound, stream: link.stream }),
    );
    void this.video.play().catch((reason: unknown) => {
      if (reason instanceof DOMException && reason.name === "NotAllowedError") this.video.muted = true;
    });
  }

  private refused({ status, text }: Refused): void {
    if (status === 404 && text.includes("no_picture"))
      this.listener.onView({ kind: "waiting", state: null, detail: "" });
    else this.listener.onFail(status >= 500 ? "blocked" : "refused");
  }

  private close(): void {
    this.watched?.stop();
    this.watched = null;
    this.opening += 1;
    this.asking = false;
    this.link?.close();
    this.link = null;
    this.video.srcObject = null;
    this.before = { bytes: 0, decoded: 0, received: 0, missing: 0 };
  }

  private get isConnected(): boolean {
    return this.link?.connection.connectionState === "connected";
  }

  /** It played, or nearly, and does not any more. */
  private broke(): void {
    const played = this.shown > 0;
    const { isConnected } = this;
    this.close();
    this.breaks += 1;
    if (!played || this.breaks >= BREAKS) this.listener.onFail(played ? "broken" : isConnected ? "slow" : "blocked");
    else void this.open();
  }

  private async tick(): Promise<void> {
    const { link, watched } = this;
    const now = localNow();
    if (!link) {
      if (this.asking && now - this.begun_ms > PATIENCE_MS) this.broke();
      return;
    }
    const count = watched?.count ?? 0;
    if (count !== this.shown) this.shown_ms = now;
    this.shown = count;
    const waited_ms = now - this.begun_ms;
    if (count === 0 ? waited_ms > (this.isConnected ? SLOW_MS : PATIENCE_MS) : now - this.shown_ms > STUCK_MS) {
      this.broke();
      return;
    }
    if (count === 0 && this.isConnected) {
      this.listener.onLine({ late_s: waited_ms / 1000, lost: 0 });
      return;
    }
    const stats = await link.connection.getStats();
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
