// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { SealedInfo } from "../../api/types";
import { sealing as words } from "../../strings/sealing";
import Sealing from "./Sealing";

const site = vi.hoisted(() => ({ sealed: ["a"], sent: [] as unknown[], ways: [] as unknown[] }));
const info = () =>
  ({
    set_up: true,
    can_change: true,
    everything: false,
    cameras: ["a", "b", "c"].map((id) => ({ id, name: `Camera ${id}`, sealed: site.sealed.includes(id) })),
    ways: site.ways,
    tested_ms: null,
  }) as unknown as SealedInfo;
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: () => Promise.resolve(info()),
  remove: (path: string) => Promise.resolve((site.sent.push(path), info())),
  put: (_: string, body: unknown) => Promise.resolve((site.sent.push(body), info())),
}));
vi.stubGlobal("isSecureContext", false);
afterEach(() => {
  cleanup();
  site.sent = [];
});

it("leaves what another owner has encrypted meanwhile encrypted", async () => {
  render(<Sealing />);
  fireEvent.click(await screen.findByText(words.state.change));
  site.sealed = ["a", "b"];
  fireEvent.click(screen.getByLabelText("Camera c"));
  fireEvent.click(await screen.findByText(words.state.save));
  await waitFor(() => expect(site.sent).toEqual([{ everything: false, cameras: ["a", "b", "c"] }]));
});

it("says which key a method has, and asks before it removes one", async () => {
  const { now, earlier, unknown } = words.ways.key;
  site.ways = [true, null, false].map((in_force, at) => ({ id: `${at}`, kind: "passphrase", name: `Phrase ${at}`, made_ms: 0, in_force }));
  const asked = vi.fn(() => false);
  vi.stubGlobal("confirm", asked);
  render(<Sealing />);
  for (const [at, key] of [now, unknown, earlier].entries()) {
    const way = (await screen.findByText(`Phrase ${at}`)).closest("[data-way]");
    expect(way?.textContent).toContain(key);
    fireEvent.click(within(way as HTMLElement).getByText(words.ways.remove));
    const mayBeLast = key === earlier ? "" : ` ${words.ways.maybeLast}`;
    expect(asked).toHaveBeenLastCalledWith(words.ways.sure(`Phrase ${at}`, key) + mayBeLast);
  }
  expect(site.sent).toEqual([]);
  asked.mockReturnValue(true);
  fireEvent.click(screen.getAllByText(words.ways.remove)[2] as HTMLElement);
  await waitFor(() => expect(site.sent).toEqual(["/sealed/ways/2"]));
});
