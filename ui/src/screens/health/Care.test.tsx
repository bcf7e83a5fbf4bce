// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { CareInfo } from "../../api/schema";
import { health as words } from "../../strings/health";
import { session } from "../../ui/session";
import { Care } from "./Care";

const post = vi.hoisted(() => vi.fn(() => Promise.resolve({})));
vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), post }));

afterEach(() => {
  cleanup();
  session.value = null;
});

it("keeps the focus on the self-test's button while it runs, and begins no second one", () => {
  session.value = { state: "signed-in", user: { name: "Anna", role: "owner" } } as never;
  render(<Care care={{ self_test: null, check_in: null, alarms: [], testing: true } as unknown as CareInfo} onAsked={() => {}} />);
  const button = screen.getByRole<HTMLButtonElement>("button", { name: words.care.now });
  expect([button.disabled, button.getAttribute("aria-disabled")]).toEqual([false, "true"]);
  fireEvent.click(button);
  expect(post).not.toHaveBeenCalled();
});
