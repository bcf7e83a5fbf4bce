/**
 * Opens sealed recordings on this page, with a key that never leaves it: the recorder gives the files as they lie. The key
 * stays here; a worker decrypts (`opening.worker.ts`), and is given a file's own key only.
 */
import { cameraPath, url } from "../api/client";
import { type Piece, PieceGone, type Stretch } from "../api/pieces";
import { openedKey } from "./keys";
import { OpenedPictures, type Part } from "./pictures";
import type { Asked, Told } from "./opening.worker";

export class Opening {
  private readonly worker = new Worker(new URL("./opening.worker.ts", import.meta.url), { type: "module" });
  private readonly open_: Map<number, (told: Told) => void> = new Map();
  private readonly pictures = new OpenedPictures();
  private last = 0;

  constructor(private readonly identity: string) {
    this.worker.onmessage = ({ data }: MessageEvent<Told>) => this.open_.get(data.id)?.(data);
  }

  /** From the key picture at or before `from_ms`. PieceGone when it is not there, or sealed to another person. */
  open(piece: Piece, from_ms: number, signal: AbortSignal): Promise<Stretch> {
    return this.read({ address: url(`/media/${encodeURIComponent(piece.id)}/stored`), from_ms, isPart: false }, piece.id, signal);
  }

  /** The address of the picture of an instant, which this page makes; null where nothing sealed has one. */
  picture(camera: string, at_ms: number, width: number, covers: readonly Part[]): Promise<string | null> {
    return this.pictures.of(`${camera} ${at_ms} ${width}`, width, covers, () => {
      const address = url(`${cameraPath(camera)}/frame/sealed`, { at_ms, width });
      return this.read({ address, from_ms: Number.POSITIVE_INFINITY, isPart: true }, camera, new AbortController().signal);
    });
  }

  private read(what: { address: string; from_ms: number; isPart: boolean }, piece: string, signal: AbortSignal): Promise<Stretch> {
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      let begun: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
      const over = (): void => {
        this.open_.delete(id);
        this.ask({ is: "stop", id });
      };
      const fail = (reason: unknown): void => {
        over();
        if (begun) begun.error(reason);
        else reject(reason);
      };
      signal.addEventListener("abort", () => fail(new DOMException("given up", "AbortError")), { once: true });
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (control) => void (begun = control), cancel: over });
      const control = begun as unknown as ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
      begun = null;
      this.open_.set(id, (told) => {
        if (told.is === "wrapped") openedKey(told.wrapped, this.identity).then((key) => this.ask({ is: "key", id, key }), () => fail(new PieceGone(piece, SEALED)));
        else if (told.is === "begun") {
          begun = control;
          resolve({ start_ms: told.start_ms, body, codecs: told.codecs });
        } else if (told.is === "data") control.enqueue(told.data);
        else if (told.is === "failed") fail(told.status ? new PieceGone(piece, told.status) : new Error(told.why));
        else {
          over();
          control.close();
        }
      });
      this.ask({ is: "open", id, ...what });
    });
  }

  /** Nothing more is opened; what holds the key is given up. */
  close(): void {
    this.worker.terminate();
    for (const tell of [...this.open_.values()]) tell({ is: "failed", id: 0, status: SEALED, why: "locked" });
    this.open_.clear();
    this.pictures.close();
  }

  private ask(asked: Asked): void {
    this.worker.postMessage(asked);
  }
}

const SEALED = 423;
