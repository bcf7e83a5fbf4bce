/** Speaking to a camera while a button is held: the microphone's sound over a WebSocket. */
import { signal } from "@preact/signals";
import { cameraPath, url } from "../api/client";

export type TalkState = "off" | "opening" | "on";

/** Why it did not come to that, or is over: the browser's microphone, what this page needs for it, the line, or what the recorder says. */
export type Denied = { by: "microphone" | "page" | "line" } | { by: "recorder"; words: string };

const REFUSED = 4400;

type Ends = (() => void)[];

function letGo(ends: Ends): void {
  for (const end of ends.splice(0)) end();
}

export class Talking {
  readonly state = signal<TalkState>("off");
  /** What stops the newest start. Each start has a list of its own, which also tells it whether it is still wanted. */
  private ends: Ends = [];
  /** The list of the newest start, also after stop(). */
  private newest = this.ends;

  constructor(
    private readonly camera: string,
    private readonly onDenied: (why: Denied) => void,
  ) {}

  async start(): Promise<void> {
    if (this.state.peek() !== "off") return;
    const mine: Ends = [];
    this.ends = this.newest = mine;
    let denied: Denied = { by: "microphone" };
    this.state.value = "opening";
    try {
      const voice = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
      mine.push(() => voice.getTracks().forEach((track) => track.stop()));
      denied = { by: "page" };
      if (mine === this.ends) await this.carry(voice, mine);
    } catch {
      const wanted = mine === this.ends;
      if (wanted) this.stop();
      // The browser's question about the microphone may be answered after the button is released.
      if (wanted || (denied.by === "microphone" && mine === this.newest)) this.onDenied(denied);
    }
    if (mine !== this.ends) letGo(mine); // what was opened after stop()
  }

  stop(): void {
    const { ends } = this;
    this.ends = [];
    this.state.value = "off";
    letGo(ends);
  }

  private async carry(voice: MediaStream, mine: Ends): Promise<void> {
    const context = new AudioContext();
    mine.push(() => void context.close());
    await context.audioWorklet.addModule("/mic.js");
    if (mine !== this.ends) return;
    const mic = new AudioWorkletNode(context, "mic", { numberOfOutputs: 0 });
    const socket = new WebSocket(new URL(url(`${cameraPath(this.camera)}/talk`), location.origin.replace(/^http/, "ws")));
    mine.push(() => socket.close());
    mic.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => {
      if (this.state.peek() === "on" && socket.readyState === WebSocket.OPEN) socket.send(data.buffer);
    };
    socket.onmessage = () => {
      if (mine === this.ends) this.state.value = "on";
    };
    socket.onclose = ({ code, reason }) => {
      if (mine !== this.ends) return;
      const had = this.state.peek() === "on";
      this.stop();
      this.onDenied(code >= REFUSED ? { by: "recorder", words: reason } : { by: had ? "line" : "page" });
    };
    context.createMediaStreamSource(voice).connect(mic);
  }
}
