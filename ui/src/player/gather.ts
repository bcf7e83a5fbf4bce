/** Bytes as they come, in few parts: what arrives while the last part is still being taken in is given together. */

const MOST_BYTES = 1 << 20;

export class Gather {
  private parts: Uint8Array[] = [];
  private size = 0;
  private over: { failed: unknown } | "ended" | null = null;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  private wakeReader: () => void = () => {};
  private wakeTaker: () => void = () => {};

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.reader = body.getReader();
    void this.read();
  }

  /** All that has come since, once there is any; null at the end. Fails as the stream does. */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    while (this.size === 0 && this.over === null) await new Promise<void>((wake) => (this.wakeTaker = wake));
    if (this.size === 0) {
      if (this.over !== null && this.over !== "ended") throw this.over.failed;
      return null;
    }
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts.splice(0)) {
      all.set(part, at);
      at += part.byteLength;
    }
    this.size = 0;
    this.wakeReader();
    return all;
  }

  /** No more of it is wanted. */
  stop(): void {
    this.over ??= "ended";
    this.wakeReader();
    this.reader.cancel().catch(() => {}); // it is over already
  }

  private async read(): Promise<void> {
    try {
      while (this.over === null) {
        const part = await this.reader.read();
        if (part.done) this.over ??= "ended";
        else {
          this.parts.push(part.value);
          this.size += part.value.byteLength;
        }
        this.wakeTaker();
        while (this.size >= MOST_BYTES && this.over === null) await new Promise<void>((wake) => (this.wakeReader = wake));
      }
    } catch (failed) {
      this.over ??= { failed };
      this.wakeTaker();
    }
  }
}
