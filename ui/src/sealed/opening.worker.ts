/** Decrypts sealed recordings as they arrive (format 1 of tawny's sealed files), checks them, and hands on what is MP4. */
import { type FileKeys, HEADER_BYTES, LEAD_BYTES, type Lead, codecsOf, contentOf, keysOf, leadOf, wrapBytesOf, wrappedOf } from "./format";

export type Asked = { is: "open"; id: number; address: string; from_ms: number; isPart: boolean } | { is: "key"; id: number; key: Uint8Array } | { is: "stop"; id: number };
export type Told =
  | { is: "wrapped"; id: number; wrapped: Uint8Array[] }
  | { is: "begun"; id: number; start_ms: number; codecs: string }
  | { is: "data"; id: number; data: Uint8Array<ArrayBuffer> }
  | { is: "failed"; id: number; status: number; why: string }
  | { is: "over"; id: number };

interface Job {
  stop: AbortController;
  key: (key: Uint8Array) => void;
}

const jobs = new Map<number, Job>();
const tell = (told: Told, give: Transferable[] = []): void => (self as unknown as Worker).postMessage(told, give);

self.onmessage = ({ data: asked }: MessageEvent<Asked>) => {
  if (asked.is === "key") jobs.get(asked.id)?.key(asked.key);
  else if (asked.is === "stop") jobs.get(asked.id)?.stop.abort();
  else
    void run(asked)
      .catch((reason: unknown) => tell({ is: "failed", id: asked.id, status: 0, why: String(reason) }))
      .finally(() => jobs.delete(asked.id));
};

async function run({ id, address, from_ms, isPart }: Asked & { is: "open" }): Promise<void> {
  const stop = new AbortController();
  const key = new Promise<Uint8Array>((resolve) => jobs.set(id, { stop, key: resolve }));
  const answer = await fetch(address, { signal: stop.signal, credentials: "same-origin" });
  if (!answer.ok || !answer.body) return tell({ is: "failed", id, status: answer.status, why: "" });
  const coming = new Coming(answer.body.getReader());
  const header = await coming.take(HEADER_BYTES);
  const area = header && (await coming.take(wrapBytesOf(header)));
  if (!header || !area) return tell({ is: "failed", id, status: 404, why: "" });
  const ring = answer.headers.get("X-Wrapped");
  const besides = ring ? [Uint8Array.from(atob(ring), (letter) => letter.charCodeAt(0))] : [];
  tell({ is: "wrapped", id, wrapped: [wrappedOf(area), ...besides].filter((one) => one.length > 0) });
  const keys = await keysOf(header, await key);
  await records(id, coming, keys, from_ms, isPart);
  tell({ is: "over", id });
}

/** Everything from the key picture at or before `from_ms` on, behind the file's beginning. isPart: some are left out. */
async function records(id: number, coming: Coming, keys: FileKeys, from_ms: number, isPart: boolean): Promise<void> {
  let waiting: [Lead, Uint8Array][] = [];
  let begun = false;
  for (let seq = 0; ; seq += 1) {
    const bytes = await coming.take(LEAD_BYTES);
    const lead = bytes && leadOf(bytes);
    if (!lead || lead.type === 0 || lead.isSignature) break;
    const body = await coming.take(lead.bodyBytes);
    if (!body) break; // being written, or cut off: as far as it goes
    if (isPart && lead.seq > seq) seq = lead.seq;
    if (lead.seq !== seq) throw new Error(`record ${seq} is missing`);
    if (lead.isInit) {
      const init = await contentOf(lead, body, keys);
      tell({ is: "begun", id, start_ms: keys.start_ms, codecs: codecsOf(init) });
      tell({ is: "data", id, data: init }, [init.buffer]);
    }
    if (!lead.isFragment || lead.isEmptied) continue;
    const isBefore = keys.start_ms + lead.time_ms <= from_ms;
    if (!begun && lead.begins && isBefore) waiting = [];
    waiting.push([lead, body]);
    begun ||= !isBefore;
    if (begun) waiting = await give(id, waiting, keys);
  }
  await give(id, waiting, keys);
}

async function give(id: number, waiting: readonly [Lead, Uint8Array][], keys: FileKeys): Promise<[]> {
  const from = waiting.findIndex(([lead]) => lead.begins);
  for (const [lead, body] of keys.hasBegun ? waiting : waiting.slice(Math.max(0, from))) {
    const data = await contentOf(lead, body, keys);
    tell({ is: "data", id, data }, [data.buffer]);
    keys.hasBegun = true;
  }
  return [];
}

/** Bytes as they come, in portions of any size. */
class Coming {
  private held = new Uint8Array(0);
  constructor(private readonly reader: ReadableStreamDefaultReader<Uint8Array>) {}

  /** null when there are not so many any more. */
  async take(size: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const parts = [this.held];
    let have = this.held.length;
    while (have < size) {
      const { value, done } = await this.reader.read();
      if (done || !value) return null;
      parts.push(value as Uint8Array<ArrayBuffer>);
      have += value.length;
    }
    const all = parts.length === 1 ? this.held : joined(parts, have);
    this.held = all.subarray(size) as Uint8Array<ArrayBuffer>;
    return all.slice(0, size);
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
