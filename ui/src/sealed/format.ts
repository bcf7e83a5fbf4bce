/** Format 1 of sealed files, read with WebCrypto: docs/unseal.py says the same in Python. */

export const HEADER_BYTES = 192;
export const LEAD_BYTES = 48;
const MAGIC = [0x89, 0x74, 0x61, 0x77, 0x6e, 0x79, 0x0d, 0x0a, 1];
const TAG_BYTES = 16;
const MOST_STEPS = 4095;
const INIT = 0x02;
const KEY = 0x10;
const KEY_ALONE = 0x12;
const LAST_FRAGMENT = 0x13;
const SIGNATURE = 0x7f;
const EMPTIED = 0x80;
type Bytes = Uint8Array<ArrayBuffer>;
const subtle = (): SubtleCrypto => crypto.subtle;
const text = (said: string): Bytes => new TextEncoder().encode(said);

export interface FileKeys {
  gcm: CryptoKey;
  nonce: CryptoKey;
  leaf: Bytes;
  start_ms: number;
  /** A fragment was handed on. */
  hasBegun: boolean;
}

export interface Lead {
  head: Bytes;
  leaf: Bytes;
  type: number;
  seq: number;
  time_ms: number;
  bodyBytes: number;
  isEmptied: boolean;
  isInit: boolean;
  isFragment: boolean;
  begins: boolean;
  isSignature: boolean;
}

const view = (data: Uint8Array): DataView => new DataView(data.buffer, data.byteOffset, data.byteLength);

export const wrapBytesOf = (header: Uint8Array): number => view(header).getUint16(14);

/** The key of the file's epoch, as it is wrapped there; empty when it is not. */
export function wrappedOf(area: Uint8Array): Uint8Array {
  const size = area.length >= 2 ? view(area).getUint16(0) : 0;
  return area.slice(2, 2 + size);
}

/** Throws when it is another file's key, or no sealed file. */
export async function keysOf(header: Bytes, epochKey: Uint8Array): Promise<FileKeys> {
  const steps = view(header).getUint32(56);
  if (MAGIC.some((byte, at) => header[at] !== byte) || steps > MOST_STEPS) throw new Error("no sealed file, or a newer format");
  let key = new Uint8Array(epochKey);
  if (!same(await hkdf(key, "tawny.seal/1 commit", 32), header.subarray(96, 128))) throw new Error("another file's key");
  for (let at = 0; at < steps; at += 1) key = await hkdf(key, "tawny.seal/1 step", 32);
  const info = joined(text("tawny.seal/1 file"), new Uint8Array(await subtle().digest("SHA-256", header)));
  const keys = await hkdf(key, info, 96, header.slice(128, 160));
  return {
    gcm: await subtle().importKey("raw", keys.slice(0, 32), "AES-GCM", false, ["decrypt"]),
    nonce: await subtle().importKey("raw", keys.slice(32, 64), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    leaf: keys.slice(64),
    start_ms: Number(view(header).getBigInt64(72)),
    hasBegun: false,
  };
}

export function leadOf(lead: Bytes): Lead {
  const isEmptied = ((lead[0] ?? 0) & EMPTIED) !== 0;
  const head = lead.slice(0, 12);
  const type = (head[0] ?? 0) & ~EMPTIED;
  head[0] = type;
  const size = view(lead).getUint32(0) & 0xffffff;
  const isSignature = type === SIGNATURE;
  return {
    ...{ head, leaf: lead.slice(12, 44), type, isEmptied, isSignature },
    seq: view(lead).getUint32(4),
    time_ms: view(lead).getUint32(8),
    bodyBytes: isEmptied ? 0 : size + (isSignature ? 0 : TAG_BYTES),
    isInit: type === INIT,
    isFragment: type >= KEY && type <= LAST_FRAGMENT,
    begins: type === KEY || type === KEY_ALONE,
  };
}

/** Throws when anybody changed it: the seal is checked, and that it is what was recorded and signed. */
export async function contentOf(lead: Lead, body: Uint8Array, keys: FileKeys): Promise<Bytes> {
  const additionalData = joined(lead.head, lead.leaf);
  const mac = new Uint8Array(await subtle().sign("HMAC", keys.nonce, additionalData));
  const iv = joined(lead.head.subarray(4, 8), mac.subarray(0, 8));
  const content = new Uint8Array(await subtle().decrypt({ name: "AES-GCM", iv, additionalData }, keys.gcm, new Uint8Array(body)));
  const leaf = await subtle().digest("SHA-256", joined(text("tawny.leaf/1"), keys.leaf, lead.head, content));
  if (!same(new Uint8Array(leaf), lead.leaf)) throw new Error(`record ${lead.seq} is not the one that was recorded`);
  return content;
}

/** RFC 6381 names of H.264 and AAC out of a file's beginning; empty for anything else. */
export function codecsOf(init: Uint8Array): string {
  const said = Array.from(init, (byte) => String.fromCharCode(byte)).join("");
  const at = said.indexOf("avcC");
  if (at < 0) return "";
  const profile = [...init.subarray(at + 5, at + 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `avc1.${profile}${said.includes("mp4a") ? ",mp4a.40.2" : ""}`;
}

async function hkdf(key: Bytes, info: string | Bytes, size: number, salt: Bytes = new Uint8Array(0)): Promise<Bytes> {
  const base = await subtle().importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt, info: typeof info === "string" ? text(info) : info };
  return new Uint8Array(await subtle().deriveBits(how, base, size * 8));
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.reduce((found, byte, at) => found | (byte ^ (other[at] ?? 0)), 0) === 0;
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
