/** Live pictures as JPEGs over a WebSocket: the next is sent when the last is on the screen, so none is ever old. */
import { cameraPath, url } from "../api/client";
import { onSecond } from "./beat";
import { delayOf, recorderClock } from "./clock";
import type { Delay } from "./clock";
import { type Listener, PATIENCE_MS, type Player } from "./told";

const BREAKS = 3;
const AT_BYTES = 8;

export class PicturesPlayer implements Player {
  private socket: WebSocket | null = null;
  private rest: (() => void) | undefined;
  private begun_ms = 0;
  private pictures = 0;
  private all = 0;
  private bytes = 0;
  private breaks = 0;
  private delay: Delay | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly camera: string,
    private readonly width: number,
    private readonly listener: Listener,
  ) {}

  start(): void {
    recorderClock();
    this.rest = onSecond(() => this.tick());
    this.open();
  }

  stop(): void {
    this.rest?.();
    this.close();
    this.listener.onView({ kind: "idle" });
  }

  private open(): void {
    this.listener.onView({ kind: "connecting" });
    this.begun_ms = performance.now();
    const path = url(`${cameraPath(this.camera)}/pictures`, { width: this.width, fps: 15 });
    const socket = new WebSocket(new URL(path, location.origin.replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    socket.onmessage = (message: MessageEvent<ArrayBuffer>) => void this.show(socket, message.data);
    socket.onclose = () => this.broke();
    this.socket = socket;
  }

  private close(): void {
    if (!this.socket) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private broke(): void {
    const played = this.all > 0;
    const opened = this.socket?.readyState === WebSocket.OPEN;
    this.close();
    this.breaks += 1;
    if (!played || this.breaks >= BREAKS) this.listener.onFail(played ? "broken" : opened ? "slow" : "blocked");
    else this.open();
  }

  private async show(socket: WebSocket, data: ArrayBuffer): Promise<void> {
    const at_ms = Number(new DataView(data).getBigUint64(0));
    try {
      const picture = await createImageBitmap(new Blob([data.slice(AT_BYTES)], { type: "image/jpeg" }));
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
      this.canvas.getContext("2d")?.drawImage(picture, 0, 0);
      picture.close();
    } catch {
      this.listener.onFail("unplayable");
      return;
    }
    this.delay = delayOf(at_ms);
    this.pictures += 1;
    this.all += 1;
    this.bytes += data.byteLength;
    if (this.all === 1) this.listener.onView({ kind: "playing", sound: false, stream: "" });
    if (socket.readyState === WebSocket.OPEN) socket.send("{}");
  }

  private tick(): void {
    if (this.all === 0) {
      if (performance.now() - this.begun_ms > PATIENCE_MS * 2) this.broke();
      return;
    }
    this.listener.onNumbers({
      codec: "JPEG",
      width: this.canvas.width,
      height: this.canvas.height,
      fps: this.pictures,
      bit_rate: this.bytes * 8,
      delay: this.delay,
      lost: 0,
    });
    this.pictures = 0;
    this.bytes = 0;
  }
}
