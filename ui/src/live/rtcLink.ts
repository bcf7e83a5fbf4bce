/** A WebRTC connection to the recorder: one request begins it; after that packets come by UDP, TCP or a TURN server. */
import { cameraPath, get, inTime, url } from "../api/client";
import { localNow } from "./clock";

interface Servers {
  webrtc: boolean;
  ice_servers: { urls: string[]; username?: string | null; credential?: string | null }[];
}

const SERVERS_MS = 1_800_000;
let servers: { at: number; told: Promise<Servers> } | null = null;

function askServers(): Promise<Servers> {
  if (!servers || localNow() - servers.at > SERVERS_MS) {
    const told = get<Servers>("/live/servers", {}, inTime());
    servers = { at: localNow(), told };
    told.catch(() => (servers = null));
  }
  return servers.told;
}

/** For tests and for finding faults: `?ice=relay` lets nothing but a TURN server be used. */
const RELAY_ONLY = new URLSearchParams(location.search).get("ice") === "relay";

/** The recorder's answer was no. status 0: it has WebRTC switched off. */
export class Refused extends Error {
  override name = "Refused";
  constructor(
    readonly status: number,
    readonly text: string,
  ) {
    super(`answer ${status}`);
  }
}

export class RtcLink {
  /** What comes, for a `<video>`. */
  readonly media = new MediaStream();
  /** Which stream the recorder chose. */
  stream = "";
  hasSound = false;
  private place = "";
  private closed = false;

  private constructor(readonly connection: RTCPeerConnection) {}

  /** onFailed: what was connected is so no more. channel: what to say and hear besides. Throws what fetch does, or Refused. */
  static async open(camera: string, wanted: string, onFailed: () => void, channel?: (made: RTCDataChannel) => void): Promise<RtcLink> {
    const told = await askServers();
    if (!told.webrtc) throw new Refused(0, "");
    const connection = new RTCPeerConnection({
      iceServers: told.ice_servers.map(({ urls, username, credential }) => ({
        urls,
        ...(username ? { username, credential: credential ?? "" } : {}),
      })),
      iceTransportPolicy: RELAY_ONLY ? "relay" : "all",
    });
    const link = new RtcLink(connection);
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "failed") onFailed();
    };
    if (channel) channel(connection.createDataChannel("playback"));
    try {
      await link.meet(camera, wanted);
    } catch (reason) {
      link.close();
      throw reason;
    }
    return link;
  }

  /** RTP time of the picture that was handed to the screen last. */
  get newest(): number | null {
    const receiver = this.connection.getReceivers().find(({ track }) => track.kind === "video");
    return receiver?.getSynchronizationSources()[0]?.rtpTimestamp ?? null;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.place) void this.say("DELETE");
    this.connection.ontrack = this.connection.onicecandidate = this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  private async meet(camera: string, wanted: string): Promise<void> {
    const { connection } = this;
    connection.ontrack = ({ track, receiver }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      this.media.addTrack(track);
    };
    const early: string[] = [];
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      if (this.place) void this.say("PATCH", candidate.candidate);
      else early.push(candidate.candidate);
    };
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    await connection.setLocalDescription(await connection.createOffer());
    const answer = await fetch(url(`${cameraPath(camera)}/rtc`, { stream: wanted }), {
      method: "POST",
      headers: { "Content-Type": "application/sdp", "X-Tawny": "1" },
      body: connection.localDescription?.sdp ?? "",
      signal: inTime() ?? null,
    });
    this.place = answer.headers.get("Location") ?? "";
    this.stream = answer.headers.get("X-Stream") ?? "";
    const text = await answer.text();
    if (!answer.ok) throw new Refused(answer.status, text);
    this.hasSound = /m=audio [1-9]/.test(text);
    for (const candidate of early) void this.say("PATCH", candidate);
    await connection.setRemoteDescription({ type: "answer", sdp: text });
  }

  private async say(method: string, body?: string): Promise<void> {
    const headers = { "X-Tawny": "1", "Content-Type": "application/trickle-ice-sdpfrag" };
    try {
      await fetch(this.place, { method, headers, keepalive: true, ...(body ? { body: `a=${body}` } : {}) });
    } catch {
      // what it would have said is found out without it
    }
  }
}
