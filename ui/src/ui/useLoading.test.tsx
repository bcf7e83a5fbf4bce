// @vitest-environment happy-dom
import { render } from "preact";
import { expect, it, vi } from "vitest";

const state = vi.hoisted(() => ({ back: (): void => {} }));
vi.mock("../api/state", () => ({ on: (_: string, listen: () => void) => ((state.back = listen), () => {}), serverNow: () => 0 }));
const { ApiError } = await import("../api/client");
const { useLoading } = await import("./useLoading");

it("loads again when the recorder is back, if that failed before", async () => {
  const load = vi.fn(() => Promise.reject(new ApiError(0, "lost", "Can’t reach tawny.", "")));
  const Shown = () => <>{useLoading(load)}</>;
  render(<Shown />, document.body);
  await vi.waitFor(() => expect(document.body.textContent).toContain("Can’t reach tawny."));
  load.mockResolvedValue(undefined as never);
  state.back();
  await vi.waitFor(() => expect(document.body.textContent).toBe(""));
  state.back();
  await new Promise((done) => setTimeout(done));
  expect(load).toHaveBeenCalledTimes(2);
  render(null, document.body);
});
