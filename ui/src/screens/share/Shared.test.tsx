// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { clockText } from "../../ui/clockText";
import { Shared } from "./Shared";

const isPicture = vi.hoisted(() => ({ value: true }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  post: async () => ({
    ...{ from_ms: Date.UTC(2026, 9, 20, 10), to_ms: Date.UTC(2026, 9, 20, 11), offset_s: 32_400 },
    ...{ ends_ms: Date.UTC(2026, 9, 27, 10), ends_offset_s: 36_000, camera: null, video: "/v", is_picture: isPicture.value },
  }),
}));
afterEach(cleanup);

it("tells the time of the clip and its end by the recorder's clock, each by that of its day", async () => {
  render(<Shared token="a" />);
  await screen.findByText(new RegExp(`2026, ${clockText(19, 0)}$`));
  expect(screen.getByText(new RegExp(`2026, ${clockText(20, 0)}\\.$`))).toBeTruthy();
});

it("says where a clip ends early", async () => {
  isPicture.value = false;
  const headers = { "X-Cut-At-Ms": String(Date.UTC(2026, 9, 20, 10, 30)) };
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null, { headers })));
  render(<Shared token="a" />);
  expect(await screen.findByText(new RegExp(`^Ends at .*2026, ${clockText(19, 30)}, because`))).toBeTruthy();
  vi.unstubAllGlobals();
});
