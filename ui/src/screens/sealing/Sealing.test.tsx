// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { SealedInfo } from "../../api/types";
import { sealing as words } from "../../strings/sealing";
import Sealing from "./Sealing";

const site = vi.hoisted(() => ({ sealed: ["a"], sent: [] as unknown[] }));
const info = () =>
  ({
    set_up: true,
    can_change: true,
    everything: false,
    cameras: ["a", "b", "c"].map((id) => ({ id, name: `Camera ${id}`, sealed: site.sealed.includes(id) })),
    ways: [],
    tested_ms: null,
  }) as unknown as SealedInfo;
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: () => Promise.resolve(info()),
  put: (_: string, body: unknown) => Promise.resolve((site.sent.push(body), info())),
}));
vi.stubGlobal("isSecureContext", false);
afterEach(cleanup);

it("leaves what another owner has encrypted meanwhile encrypted", async () => {
  render(<Sealing />);
  fireEvent.click(await screen.findByText(words.state.change));
  site.sealed = ["a", "b"];
  fireEvent.click(screen.getByLabelText("Camera c"));
  fireEvent.click(await screen.findByText(words.state.save));
  await waitFor(() => expect(site.sent).toEqual([{ everything: false, cameras: ["a", "b", "c"] }]));
});
