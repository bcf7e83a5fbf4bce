// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { recall, remember } from "./remember";
import { present } from "./witness";

const OLD = "tawny-3f2a91c0-7-20261120T055000Z-aaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW = "tawny-3f2a91c0-8-20261120T060000Z-bbbbbbbbbbbbbbbbbbbbbbbbbb";
const owner = (): boolean => true;
let asked: { path: string; body: unknown }[] = [];

function answers(current: string | null, doubted: string[]): void {
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push({ path, body: JSON.parse(String(init.body)) });
    return Promise.resolve(new Response(JSON.stringify({ current, doubted })));
  });
}

beforeEach(() => {
  asked = [];
  remember("history", null);
});
afterEach(() => vi.unstubAllGlobals());

it("keeps the newest witness, and presents it at the next visit", async () => {
  answers(OLD, []);
  await present(owner);
  answers(NEW, []);
  await present(owner);
  expect(asked.map((one) => one.body)).toEqual([{ witnesses: [] }, { witnesses: [OLD] }]);
  expect(asked[0]?.path).toBe("/api/v1/history/witnesses");
  expect(recall("history")).toBe(NEW);
});

it("keeps what the recorder contradicts beside the new one", async () => {
  remember("history", NEW);
  answers(OLD, [NEW]);
  await present(owner);
  expect(recall("history")).toBe(`${NEW} ${OLD}`);
});

it("keeps all while the recorder can't compare", async () => {
  remember("history", NEW);
  answers(null, [NEW]);
  await present(owner);
  expect(recall("history")).toBe(NEW);
});

it("presents what notifications brought, and forgets it there", async () => {
  const gone: string[] = [];
  vi.stubGlobal("caches", {
    match: () => Promise.resolve(new Response(NEW)),
    open: () => Promise.resolve({ delete: (name: string) => gone.push(name) }),
  });
  answers(NEW, []);
  await present(owner);
  expect(asked[0]?.body).toEqual({ witnesses: [NEW] });
  expect(gone).toEqual(["/history-witnesses"]);
});

it("is for owners, who may confirm", async () => {
  answers(NEW, []);
  await present(() => false);
  expect(asked).toEqual([]);
});
