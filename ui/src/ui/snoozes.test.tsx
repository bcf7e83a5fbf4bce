// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { hearClock } from "../api/reconnect";
import type { SnoozeInfo } from "../api/schema";
import { phone } from "../strings/phone";
import { loadSnoozes, needSnoozes, SnoozeCard, SnoozeSheet, snoozesOf } from "./snoozes";
import { zone } from "./times";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const one = (camera: string | null, until_ms: number | null): SnoozeInfo => ({ camera, everyone: false, by: "Anna", mine: true, may_end: true, since_ms: 0, until_ms, rule: "", rule_name: "" });

it("shows the longest snooze of a camera first, with those of all cameras", () => {
  const all = [one("yard", 9), one("porch", 3), one(null, 5)];
  expect(snoozesOf("porch", all).map((each) => each.until_ms)).toEqual([5, 3]);
  expect(snoozesOf(null, all).map((each) => each.until_ms)).toEqual([5]);
});

it("asks once for all that appear at once, and once more for what appears later", async () => {
  const ask = vi.fn(async () => Response.json({ items: [], rules: [], may_all: false }));
  vi.stubGlobal("fetch", ask);
  for (let tile = 0; tile < 30; tile += 1) needSnoozes();
  await new Promise((done) => setTimeout(done, 5));
  expect(ask).toHaveBeenCalledOnce();
  needSnoozes();
  expect(ask).toHaveBeenCalledTimes(2);
});

it("leaves out snoozed rules, and puts what has no end first", () => {
  const all = [one("porch", 3), one(null, null), { ...one(null, 9), rule: "Night watch", rule_name: "Night watch" }];
  expect(snoozesOf("porch", all).map((each) => each.until_ms)).toEqual([null, 3]);
});

it.each([
  ["2026-11-22T03:00", 4 * 3_600],
  ["2026-11-22T07:00", 24 * 3_600],
  ["2026-11-22T22:30", 8.5 * 3_600],
])("ends in the recorder's next morning, wherever the browser is: %s", async (now, for_s) => {
  zone.value = "Asia/Tokyo";
  vi.useFakeTimers({ now: Date.parse(`${now}+09:00`) });
  const answer = JSON.stringify({ items: [], rules: [], ...one("porch", null) });
  const ask = vi.fn(async (_: string, __?: RequestInit) => new Response(answer));
  vi.stubGlobal("fetch", ask);
  const place = document.body.appendChild(document.createElement("div"));
  await act(async () => render(<SnoozeSheet what={{ camera: "porch" }} onClose={() => undefined} />, place));
  await act(async () => [...place.querySelectorAll<HTMLButtonElement>(".snooze-times button")].at(-1)!.click());
  const asked = ask.mock.calls.find(([, options]) => options?.method === "PUT");
  expect(JSON.parse(String(asked?.[1]?.body))).toMatchObject({ for_s });
  render(null, place);
});

it("keeps the focus in the card when its last snooze is ended", async () => {
  let items = [one(null, null)];
  vi.stubGlobal("fetch", async (_: string, options?: RequestInit) => {
    if (options?.method === "DELETE") items = [];
    return new Response(JSON.stringify({ items, rules: [], may_all: false }));
  });
  const place = document.body.appendChild(document.createElement("div"));
  await act(async () => render(<SnoozeCard />, place));
  const resume = await vi.waitUntil(() => [...place.querySelectorAll("button")].find((each) => each.textContent === phone.snooze.end));
  resume.focus();
  resume.click();
  await vi.waitFor(() => expect(resume.isConnected).toBe(false));
  await vi.waitFor(() => expect(document.activeElement?.matches('.snooze-card [data-act="snooze"]')).toBe(true));
  render(null, place);
});

it("offers nothing on the page of a hub, which may not snooze another recorder's cameras", async () => {
  vi.resetModules();
  vi.doMock("../api/within", () => ({ within: "/boxes/beach", placed: <T,>(answer: T) => answer }));
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ items: [one(null, null)], rules: ["Night watch"], may_all: true })));
  const { RuleSnooze, SnoozeCard, SnoozeItem } = await import("./snoozes");
  const place = document.body.appendChild(document.createElement("div"));
  const all = [<SnoozeCard />, <SnoozeItem onOpen={() => undefined} />, <RuleSnooze rule="Night watch" name="Night watch" />];
  await act(async () => render(all, place));
  await vi.waitFor(() => expect(place.textContent).toContain(phone.snooze.all));
  expect(place.querySelectorAll("button")).toHaveLength(0);
  render(null, place);
  vi.doUnmock("../api/within");
});

it("asks again when the first one ends by the recorder's clock, also where this device is hours ahead", async () => {
  vi.useFakeTimers();
  hearClock(Date.now() - 3 * 3_600_000);
  const ask = vi.fn(async () => new Response(JSON.stringify({ items: [one(null, Date.now() - 3 * 3_600_000 + 30_000)], rules: [], may_all: false })));
  vi.stubGlobal("fetch", ask);
  await loadSnoozes();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(ask).toHaveBeenCalledOnce();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(ask).toHaveBeenCalledTimes(2);
  hearClock(Date.now());
});
