// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { setupNow } from "../../api/setup";
import { session } from "../../ui/session";
import Resume from "./Resume";

const STEPS = ["account", "cameras", "storage", "notifications", "outside"].map((id, index) => ({ id, state: index < 2 ? "done" : index === 2 ? "skipped" : "open" }));
let asked: string[] = [];

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  setupNow.value = null;
  session.value = null;
});

function shown(more: object, role = "owner"): void {
  asked = [];
  let told = { steps: STEPS, cards: [], hidden: false, finished: false, ...more };
  vi.stubGlobal("fetch", (address: string, { method, body }: RequestInit) => {
    asked.push(`${method} ${address}`);
    if (typeof body === "string") told = { ...told, ...(JSON.parse(body) as object) };
    return Promise.resolve(new Response(JSON.stringify(told), { headers: { "Content-Type": "application/json" } }));
  });
  session.value = { state: "signed-in", user: { role } } as never;
  render(<Resume />);
}

it("says how far setup is, and leads on", async () => {
  shown({});
  await screen.findByText("Setup: 2 of 5 steps done");
  screen.getByText("Next: storage, notifications, outside access.");
  expect(screen.getByRole("link", { name: "Continue" }).getAttribute("href")).toBe("/setup");
});

it("can be hidden", async () => {
  shown({});
  (await screen.findByRole("button", { name: "Hide setup" })).click();
  await waitFor(() => expect(screen.queryByText(/Setup:/)).toBeNull());
  expect(asked).toContain("PUT /api/v1/setup");
});

it.each([{ hidden: true }, { finished: true }])("stays away with %j", async (more) => {
  shown(more);
  await waitFor(() => expect(setupNow.value).not.toBeNull());
  expect(screen.queryByText(/Setup:/)).toBeNull();
});

it("asks nothing for who is no owner, and offers them no camera", () => {
  shown({}, "viewer");
  expect(asked).toEqual([]);
  screen.getByText("No cameras yet");
  expect(screen.queryByRole("link", { name: "Add a camera" })).toBeNull();
});

it("has a place for the first camera", async () => {
  shown({});
  expect((await screen.findByRole("link", { name: "Add a camera" })).getAttribute("href")).toBe("/settings/add-camera");
});
