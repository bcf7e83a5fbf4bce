/** Fragments with pictures that last as long as a test wants. */

/** at_ms: when the first is decoded, and shown. */
export function fragment(at_ms: number, lengths_ms: readonly number[]): Uint8Array<ArrayBuffer> {
  const run = box("trun", [0x0100_0301, lengths_ms.length, 0, ...lengths_ms.flatMap((length_ms) => [length_ms * 90, 1])]);
  const track = box("traf", [box("tfhd", [0, 1]), box("tfdt", [1 << 24, 0, at_ms * 90]), run]);
  return joined([box("moof", [box("mfhd", [0, 1]), track]), box("mdat", lengths_ms)]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function cut(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size));
}

function box(name: string, content: readonly (number | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const inside = joined(content.map((one) => (typeof one === "number" ? word(one) : one)));
  return joined([word(8 + inside.length), new TextEncoder().encode(name), inside]);
}

function word(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer).reverse();
}
