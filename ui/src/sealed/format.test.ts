// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HEADER_BYTES, LEAD_BYTES, codecsOf, contentOf, keysOf, leadOf, wrapBytesOf, wrappedOf } from "./format";
import { keyOfWords, openedKey, publicOf, wordsOf } from "./keys";

const folder = new URL("../../../tests/sealed/vectors/", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("vectors.json", folder), "utf8")) as Record<string, never>;
const file = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(new URL(name, folder)));
const identity = `AGE-SECRET-KEY-${String(vectors["identity_after_prefix"])}`;

async function contents(data: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const header = data.slice(0, HEADER_BYTES);
  let at = HEADER_BYTES + wrapBytesOf(header);
  const keys = await keysOf(header, await openedKey([wrappedOf(data.slice(HEADER_BYTES, at))], identity));
  const found: string[] = [];
  while (at + LEAD_BYTES <= data.length) {
    const lead = leadOf(data.slice(at, at + LEAD_BYTES));
    const body = data.slice(at + LEAD_BYTES, at + LEAD_BYTES + lead.bodyBytes);
    at += LEAD_BYTES + lead.bodyBytes;
    if (lead.isSignature || lead.type === 0 || body.length < lead.bodyBytes) break;
    if (!lead.isEmptied) found.push(new TextDecoder().decode(await contentOf(lead, body, keys)));
  }
  return found;
}

describe("a sealed file", () => {
  it("is opened as the format's own vectors say", async () => {
    const all = await contents(file("good.tws"));
    expect(all).toContain("[moof][mdat] first second");
    expect(all.length).toBeGreaterThan(3);
    expect(await contents(file("open.tws"))).toEqual(all.slice(0, (await contents(file("open.tws"))).length));
  });

  it("does not open with a bit changed anywhere", async () => {
    const good = file("good.tws");
    const data = good.slice();
    data[good.length - 300] = (data[good.length - 300] ?? 0) ^ 1;
    await expect(contents(data)).rejects.toThrow();
  });
});

describe("keys as words", () => {
  it("come back from the first four letters of each", async () => {
    const words = wordsOf(identity);
    expect(words).toHaveLength(24);
    expect(keyOfWords(words.map((word) => word.slice(0, 4).toUpperCase()).join(" "))).toBe(identity);
    expect(await publicOf(identity)).toMatch(/^age1/);
  });

  it("say which word is wrong", () => {
    const words = wordsOf(identity);
    expect(() => keyOfWords([...words.slice(0, 5), "xyzzy", ...words.slice(6)].join(" "))).toThrow(expect.objectContaining({ why: "word", place: 6 }));
    expect(() => keyOfWords(words.slice(1).join(" "))).toThrow(expect.objectContaining({ why: "count", place: 23 }));
    expect(() => keyOfWords([...words.slice(1), words[0]].join(" "))).toThrow(expect.objectContaining({ why: "fit" }));
  });
});

it("names the codecs that a file begins with", () => {
  const init = new TextEncoder().encode("....avcC\u0001d\u0000\u001f....mp4a");
  expect(codecsOf(init)).toBe("avc1.64001f,mp4a.40.2");
  expect(codecsOf(new Uint8Array(8))).toBe("");
});
