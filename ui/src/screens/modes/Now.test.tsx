// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { modes } from "../../api/modes";
import type { ModesInfo } from "../../api/schema";
import { modes as words } from "../../strings/modes";
import { Now } from "./Now";

const info = { modes: ["home", "away"], mode: "home", since_ms: 0, until_ms: null, by: "schedule", leaving_ms: null, ahead: [], people: [], holds: [], lately: [], does: {}, looks_by: "", problem: "", is_by_hand: true };
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  put: () => Promise.resolve({ ...info, is_by_hand: false }),
}));

const Host = () => modes.value && <Now now={modes.value} />;

afterEach(cleanup);

it("keeps the focus among the modes when it follows the schedule again", async () => {
  modes.value = info as unknown as ModesInfo;
  render(<Host />);
  const back = screen.getByRole("button", { name: words.panel.back });
  back.focus();
  fireEvent.click(back);
  await waitFor(() => expect(back.isConnected).toBe(false));
  await waitFor(() => expect(document.activeElement?.matches(".modes-by-hand button")).toBe(true));
});
