// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { clockText } from "../../ui/clockText";
import { Shared } from "./Shared";

vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  post: async () => ({
    ...{ from_ms: Date.UTC(2026, 9, 20, 10), to_ms: Date.UTC(2026, 9, 20, 11), offset_s: 32_400 },
    ...{ ends_ms: Date.UTC(2026, 9, 27, 10), ends_offset_s: 36_000, camera: null, video: "/v", is_picture: true },
  }),
}));
afterEach(cleanup);

it("tells the time of the clip and its end by the recorder's clock, each by that of its day", async () => {
  render(<Shared token="a" />);
  await screen.findByText(new RegExp(`2026, ${clockText(19, 0)}$`));
  expect(screen.getByText(new RegExp(`2026, ${clockText(20, 0)}\\.$`))).toBeTruthy();
});
