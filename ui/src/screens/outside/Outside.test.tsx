// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { session } from "../../ui/session";
import Outside from "./Outside";

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

it("says why its list doesn’t come and what to do, until it comes again", async () => {
  vi.useFakeTimers();
  session.value = { state: "signed-in", user: { name: "Ada", role: "owner" } } as never;
  const full = { code: "storage", message: "The disk is full.", hint: "Free up space." };
  let is_full = false;
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(path === "/api/v1/targets" && is_full ? new Response(JSON.stringify(full), { status: 503 }) : new Response('{"items":[],"address":""}')),
  );
  render(<Outside />);
  await pass(100);
  expect(screen.queryByRole("alert")).toBeNull();
  is_full = true;
  await pass(5000);
  expect(screen.getByRole("alert").textContent).toBe("The disk is full. Free up space.");
  is_full = false;
  await pass(5000);
  expect(screen.queryByRole("alert")).toBeNull();
});

it("says what is wrong with a channel for which nothing waits", async () => {
  vi.useFakeTimers();
  const target = { name: "browsers", kind: "notifier", where: "", shows: "", gets: "", receives: "text", waiting: 0, waiting_bytes: 0, oldest_ms: null, trouble: "No browser has turned on notifications.", paused: false, last: [], mutes: [] };
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(new Response(JSON.stringify({ items: path === "/api/v1/targets" ? [target] : [], address: "" }))),
  );
  render(<Outside />);
  await pass(100);
  expect(screen.getByText(target.trouble)).toBeTruthy();
});

it("says why expired files stay at a destination for which nothing waits, and tries again", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const target = { name: "nas", kind: "destination", where: "", shows: "", gets: "", receives: "clear", waiting: 0, waiting_bytes: 0, oldest_ms: null, trouble: "", unswept: "Expired uploads stay at nas: nas refused the login.", paused: false, last: [], mutes: [] };
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    return Promise.resolve(new Response(JSON.stringify({ items: path === "/api/v1/targets" ? [target] : [], address: "" })));
  });
  render(<Outside />);
  await pass(100);
  expect(screen.getByText(target.unswept)).toBeTruthy();
  fireEvent.click(screen.getByText("Retry now"));
  await pass(100);
  expect(asked).toContain("/api/v1/targets/nas/try");
});
