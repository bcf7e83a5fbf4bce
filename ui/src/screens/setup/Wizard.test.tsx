// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SetupInfo } from "../../api/schema";

vi.mock("./Moving", () => ({ Moving: () => <p>moving</p> }));
const { setupNow } = await import("../../api/setup");
const { health, lost } = await import("../../api/state");
const { go, path } = await import("../../ui/router");
const { default: Wizard } = await import("./Wizard");

type State = SetupInfo["steps"][number]["state"];
const IDS = ["account", "cameras", "storage", "notifications", "outside"] as const;
const steps = (...states: State[]) => IDS.map((id, index) => ({ id, state: states[index] ?? "open" }));
const fresh: SetupInfo = {
  steps: steps("done"), cards: [], hidden: false, finished: false, clock: { synchronized: true, now_ms: 0 },
  addresses: [], secure_address: "", service_command: "", name: "Home",
};
const borrowed = {
  AddCamera: () => Promise.resolve({ default: () => <input aria-label="Address" /> }),
  Channel: () => Promise.resolve({ default: () => <p>sheet</p> }),
  Phone: () => Promise.resolve({ default: () => null }),
  Push: () => Promise.resolve({ default: () => null }),
};
let asked: string[] = [];
let info: SetupInfo = fresh;

beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", (address: string, { method, body }: RequestInit) => {
    asked.push(`${method} ${address.replace("/api/v1", "")} ${typeof body === "string" ? body : ""}`.trim());
    const step = /steps\/(\w+)/.exec(address)?.[1];
    if (step && typeof body === "string") {
      const { state } = JSON.parse(body) as { state: State };
      info = { ...info, steps: info.steps.map((each) => (each.id === step ? { ...each, state } : each)) };
    }
    const answer = address.endsWith("/targets") ? { items: [], address: "" } : info;
    return Promise.resolve(new Response(JSON.stringify(answer), { headers: { "Content-Type": "application/json" } }));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  setupNow.value = null;
  health.value = null;
  lost.value = false;
});

function shown(more: Partial<SetupInfo>, at = "/setup"): void {
  info = { ...fresh, ...more };
  go(at);
  render(<Wizard borrowed={borrowed} />);
}

describe("setup goes on", () => {
  it.each<[State[], string]>([
    [["done"], "/setup/cameras"],
    [["done", "done"], "/setup/storage"],
    [["done", "skipped", "done"], "/setup/notifications"],
    [["done", "skipped", "skipped", "skipped"], "/setup/outside"],
    [["done", "done", "done", "done", "skipped"], "/setup/done"],
  ])("with %j at %s", async (states, to) => {
    shown({ steps: steps(...states) });
    await waitFor(() => expect(path.value).toBe(to));
  });

  it("at the wanted step, also one that is done", async () => {
    shown({ steps: steps("done", "done", "done", "done", "done") }, "/setup/outside");
    await screen.findByRole("button", { name: "Finish" });
    expect(path.value).toBe("/setup/outside");
  });

  it("at the first open step, for an address that is none", async () => {
    shown({}, "/setup/nonsense");
    await waitFor(() => expect(path.value).toBe("/setup/cameras"));
  });
});

it("keeps on the recorder that a step was skipped, and shows the next one", async () => {
  shown({}, "/setup/notifications");
  (await screen.findByRole("button", { name: "Skip for now" })).click();
  await waitFor(() => expect(path.value).toBe("/setup/outside"));
  expect(asked).toContain('PUT /setup/steps/notifications {"state":"skipped"}');
});

it("takes Enter for the main button, but not from a field", async () => {
  shown({}, "/setup/cameras");
  const field = await screen.findByLabelText("Address");
  fireEvent.keyDown(field, { key: "Enter" });
  expect(path.value).toBe("/setup/cameras");
  fireEvent.keyDown(screen.getByRole("heading", { level: 1 }), { key: "Enter" });
  await waitFor(() => expect(path.value).toBe("/setup/storage"));
});

it("keeps what was typed when the recorder is lost", async () => {
  shown({}, "/setup/cameras");
  fireEvent.input(await screen.findByLabelText("Address"), { target: { value: "192.168.1.20" } });
  lost.value = true;
  await screen.findByRole("alert");
  expect(screen.getByLabelText<HTMLInputElement>("Address").value).toBe("192.168.1.20");
});

it("has a way out of every step but the last page", async () => {
  shown({}, "/setup/outside");
  expect((await screen.findByRole("link", { name: "Finish later" })).getAttribute("href")).toBe("/");
  go("/setup/done");
  await screen.findByRole("button", { name: "Open live view" });
  expect(screen.queryByRole("link", { name: "Finish later" })).toBeNull();
});

it("leads from the notifications to the secure address and back", async () => {
  shown({}, "/setup/notifications");
  const first = await screen.findByRole("link", { name: "Set up the secure address first" });
  go(first.getAttribute("href") ?? "");
  expect((await screen.findByRole("link", { name: "Set it up" })).getAttribute("href")).toBe("/settings/address?from=setup&way=tailscale");
  expect(screen.getByRole("link", { name: "Back to notifications" }).getAttribute("href")).toBe("/setup/notifications");
});

describe("the last page", () => {
  it("says what is still open, and ends nothing", async () => {
    shown({ steps: steps("done", "done", "skipped", "done", "done") }, "/setup/done");
    await screen.findByRole("link", { name: "Set up: Storage" });
    screen.getByRole("button", { name: "Open live view" }).click();
    await waitFor(() => expect(path.value).toBe("/"));
    expect(asked.filter((one) => one.startsWith("PUT"))).toEqual([]);
  });

  it("ends the setup where all is done", async () => {
    shown({ steps: steps("done", "done", "done", "done", "done") }, "/setup/done");
    (await screen.findByRole("button", { name: "Open live view" })).click();
    await waitFor(() => expect(asked).toContain('PUT /setup {"finished":true}'));
  });

  it.each([
    [false, 1],
    [true, 0],
    [null, 0],
  ] as const)("with a synchronized clock: %s, warns %i times", async (synchronized, times) => {
    shown({ clock: { synchronized, now_ms: 0 } }, "/setup/done");
    await screen.findByRole("button", { name: "Open live view" });
    expect(screen.queryAllByText("sudo timedatectl set-ntp true")).toHaveLength(times);
  });

  it("offers what the recorder offers, with the command to paste", async () => {
    shown({ service_command: "sudo ./tawny service install", cards: [{ id: "service", state: "open" }, { id: "detection", state: "hidden" }] }, "/setup/done");
    const field = await screen.findByLabelText<HTMLInputElement>("Command that starts tawny with this computer");
    expect(field.value).toBe("sudo ./tawny service install");
    expect(screen.queryByText("Object detection")).toBeNull();
    screen.getByRole("button", { name: "Not now: Start with this computer" }).click();
    await waitFor(() => expect(asked).toContain('PUT /setup/cards/service {"state":"hidden"}'));
  });
});
