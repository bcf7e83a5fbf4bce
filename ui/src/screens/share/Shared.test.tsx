// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { clockText } from "../../ui/clockText";
import { share } from "../../strings/share";
import { Shared } from "./Shared";

const words = share.page;

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
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  render(<Shared token="a" />);
  await screen.findByText(new RegExp(`2026, ${clockText(19, 0)}$`));
  expect(screen.getByText(new RegExp(`2026, ${clockText(20, 0)}\\.$`))).toBeTruthy();
  vi.unstubAllGlobals();
});

it("says where a clip ends early", async () => {
  isPicture.value = false;
  const headers = { "X-Cut-At-Ms": String(Date.UTC(2026, 9, 20, 10, 30)) };
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null, { headers })));
  render(<Shared token="a" />);
  expect(await screen.findByText(new RegExp(`^Ends at .*2026, ${clockText(19, 30)}, because`))).toBeTruthy();
  vi.unstubAllGlobals();
});

it("says how much only the other stream has", async () => {
  isPicture.value = false;
  const headers = { "X-Elsewhere-Ms": "1000-5000,20000-30000" };
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null, { headers })));
  render(<Shared token="a" />);
  await screen.findByText(/^14 s of it is missing/);
  vi.unstubAllGlobals();
});

it("says why there is no video instead of showing an empty player", async () => {
  isPicture.value = false;
  const refusal = { code: "nothing_recorded", message: "There is no video in this time.", hint: "Choose another time." };
  vi.stubGlobal("fetch", vi.fn(async () => Response.json(refusal, { status: 404 })));
  render(<Shared token="a" />);
  await screen.findByText("There is no video in this time.");
  expect(document.querySelector("video")).toBeNull();
  expect(screen.queryByText(words.save)).toBeNull();
  vi.unstubAllGlobals();
});

it("says that the browser can’t play the video", async () => {
  isPicture.value = false;
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  const { container } = render(<Shared token="a" />);
  await vi.waitFor(() => expect(container.querySelector("video")).not.toBeNull());
  const video = container.querySelector("video") as HTMLVideoElement;
  fireEvent.error(video); // the connection was lost
  expect(screen.queryByText(words.unplayable)).toBeNull();
  Object.defineProperty(video, "error", { value: { code: 4 } });
  fireEvent.error(video);
  await screen.findByText(words.unplayable);
  vi.unstubAllGlobals();
});

it("says when it is downloaded that the link has ended meanwhile", async () => {
  isPicture.value = false;
  const atFirst = vi.fn(async () => new Response(null));
  vi.stubGlobal("fetch", atFirst);
  render(<Shared token="a" />);
  const save = await screen.findByText(words.save);
  await waitFor(() => expect(atFirst).toHaveBeenCalled());
  const refusal = { code: "share_ended", message: "This link is no longer valid.", hint: "" };
  vi.stubGlobal("fetch", vi.fn(async () => Response.json(refusal, { status: 410 })));
  fireEvent.click(save);
  await screen.findByText("This link is no longer valid.");
  expect(screen.queryByText(words.save)).toBeNull();
  vi.unstubAllGlobals();
});
