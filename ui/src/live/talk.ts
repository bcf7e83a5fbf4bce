/** Speaking to a camera while a button is held: the microphone's sound over a WebSocket. */
import { signal } from "@preact/signals";
import { url } from "../api/client";

export type TalkState = "off" | "opening" | "on";

/** Why it did not come to that, or is over: the browser's microphone, or what the recorder says. */
export type Denied = { by: "microphone" } | { by: "recorder"; words: string };

const REFUSED = 4400;

export class Talking {
  readonly state = signal<TalkState>("off");
  private ends: (() => void)[] = [];
  private turn = 0;

  constructor(
    private readonly camera: string,
    private readonly onDenied: (why: Denied) => void,
  ) {}

  async start(): Promise<void> {
    if (this.state.peek() !== "off") return;
    this.turn += 1;
    const mine = this.turn;
    this.state.value = "opening";
    try {
      const voice = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
      this.ends.push(() => voice.getTracks().forEach((track) => track.stop()));
      if (mine === this.turn) await this.carry(voice, mine);
      else this.letGo();
    } catch {
      this.stop();
      this.onDenied({ by: "microphone" });
    }
  }

  stop(): void {
    this.turn += 1;
    this.state.value = "off";
    this.letGo();
  }

  private letGo(): void {
    for (const end of this.ends.splice(0)) end();
  }

  private async carry(voice: MediaStream, mine: number): Promise<void> {
    const context = new AudioContext();
    this.ends.push(() => void context.close());
    await context.audioWorklet.addModule("/mic.js");
    if (mine !== this.turn) return this.letGo();
    const mic = new AudioWorkletNode(context, "mic", { numberOfOutputs: 0 });
    const socket = new WebSocket(new URL(url(`/cameras/${encodeURIComponent(this.camera)}/talk`), location.origin.replace(/^http/, "ws")));
    this.ends.push(() => socket.close());
    mic.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => {
      if (this.state.peek() === "on" && socket.readyState === WebSocket.OPEN) socket.send(data.buffer);
    };
    socket.onmessage = () => {
      if (mine === this.turn) this.state.value = "on";
    };
    socket.onclose = ({ code, reason }) => {
      if (mine !== this.turn) return;
      this.stop();
      if (code >= REFUSED) this.onDenied({ by: "recorder", words: reason });
    };
    context.createMediaStreamSource(voice).connect(mic);
  }
}
