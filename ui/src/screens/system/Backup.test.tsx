// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, it, vi } from "vitest";
import { system } from "../../strings/system";
import { Backup } from "./Backup";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("says that a backup which was cut in the middle wasn't saved", async () => {
  const cut = { ok: true, status: 200, headers: new Headers(), blob: () => Promise.reject(new TypeError("Failed to fetch")) };
  vi.stubGlobal("fetch", (path: string) => (path.endsWith("/backup") ? Promise.resolve(cut) : new Promise(() => {})));
  render(<Backup />);
  fireEvent.input(screen.getByLabelText(system.backup.passphrase), { target: { value: "river-candle-otter" } });
  fireEvent.click(screen.getByRole("button", { name: system.backup.save }));
  await screen.findByText(system.backup.failed);
});
