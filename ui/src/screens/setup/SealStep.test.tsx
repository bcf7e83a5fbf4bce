// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { go, path } from "../../ui/router";
import { session } from "../../ui/session";
import { sealing } from "../../sealed/state";
import SealStep from "./SealStep";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  sealing.value = null;
  session.value = null;
});

function shown(more: object, isSafe = true): void {
  const told = { possible: true, can_change: true, set_up: false, ...more };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(told), { headers: { "Content-Type": "application/json" } })));
  vi.stubGlobal("isSecureContext", isSafe);
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  go("/setup/sealed");
  render(<SealStep />);
}

it("says what a lost key means, and leads to the keys", async () => {
  shown({});
  await waitFor(() => screen.getByText("If you lose every key, you lose the recordings."));
  screen.getByRole("button", { name: "Set up encryption" }).click();
  expect(location.pathname + location.search).toBe("/settings/encryption?begin");
});

it("may be left for later, back to the overview that leads here", async () => {
  shown({});
  (await waitFor(() => screen.getByRole("button", { name: "Not now" }))).click();
  expect(path.value).toBe("/setup/done");
});

it("makes no keys on a page that others may have changed on its way", async () => {
  shown({}, false);
  const begin = await waitFor(() => screen.getByRole("button", { name: "Set up encryption" }));
  expect((begin as HTMLButtonElement).disabled).toBe(true);
  screen.getByRole("alert");
});

it.each([{ possible: false }, { can_change: false }, { set_up: true }])("is passed over where there is nothing to decide", async (more) => {
  shown(more);
  await waitFor(() => expect(path.value).toBe("/"));
});
