// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { clockText } from "../../ui/clockText";
import { t } from "../../strings";
import { share } from "../../strings/share";
import { Shared } from "./Shared";

const words = share.page;

const isPicture = vi.hoisted(() => ({ value: true }));
const open = vi.hoisted(() => vi.fn<(path: string, body: { code: string }) => string>());
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  post: async (path: string, body: { code: string }) => ({
    ...{ from_ms: Date.UTC(2026, 9, 20, 10), to_ms: Date.UTC(2026, 9, 20, 11), offset_s: 32_400 },
    ...{ ends_ms: Date.UTC(2026, 9, 27, 10), ends_offset_s: 36_000, camera: null },
    ...{ video: open(path, body) ?? "/v?ticket=1", is_picture: isPicture.value },
  }),
}));
afterEach(() => {
  cleanup();
  open.mockReset();
});

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

/** A recorder that has restarted: it knows the second address that it gave, not the first. */
async function opensAgain() {
  isPicture.value = false;
  const fetched = vi.fn(async (_: string) => new Response(null));
  vi.stubGlobal("fetch", fetched);
  const { container } = render(<Shared token="a" />);
  await waitFor(() => expect(fetched).toHaveBeenCalled());
  const refusal = { code: "share_ended", message: "This link is no longer valid.", hint: "" };
  const refused = () => Response.json(refusal, { status: 410 });
  const answer = async (at: string) => (at === "/v?ticket=2" ? new Response(null) : refused());
  vi.stubGlobal("fetch", vi.fn(answer));
  open.mockReturnValue("/v?ticket=2");
  return container;
}

it("downloads from a recorder that has restarted meanwhile", async () => {
  await opensAgain();
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockReturnValue(undefined);
  fireEvent.click(screen.getByText(words.save));
  await waitFor(() => expect(clicked).toHaveBeenCalled());
  expect((clicked.mock.contexts[0] as HTMLAnchorElement).getAttribute("href")).toBe("/v?ticket=2&save=1");
  expect(screen.queryByText("This link is no longer valid.")).toBeNull();
  clicked.mockRestore();
  vi.unstubAllGlobals();
});

it("plays on where it was after the recorder has restarted", async () => {
  const container = await opensAgain();
  const video = container.querySelector("video") as HTMLVideoElement;
  Object.defineProperty(video, "currentTime", { value: 12, writable: true });
  fireEvent.error(video);
  await waitFor(() => expect(video.getAttribute("src")).toBe("/v?ticket=2"));
  video.currentTime = 0;
  fireEvent.loadedMetadata(video);
  expect(video.currentTime).toBe(12);
  vi.unstubAllGlobals();
});

it("opens the link again with the code that opened it", async () => {
  isPicture.value = false;
  const looked = vi.fn(async () => new Response(null));
  vi.stubGlobal("fetch", looked);
  open.mockImplementation((_, { code }) => {
    if (code !== "1234") throw new ApiError(401, "code_needed", "This link requires a code.", "");
    return "/v?ticket=1";
  });
  render(<Shared token="a" />);
  const field = await screen.findByLabelText(words.codeLabel);
  fireEvent.input(field, { target: { value: "1234" } });
  fireEvent.click(screen.getByText(words.open));
  const save = await screen.findByText(words.save);
  await waitFor(() => expect(looked).toHaveBeenCalled()); // or the look under way serves the download
  await new Promise((done) => setTimeout(done, 20));
  vi.stubGlobal("fetch", vi.fn(async () => Response.json({ code: "share_ended" }, { status: 410 })));
  fireEvent.click(save);
  await waitFor(() => expect(open).toHaveBeenCalledTimes(3));
  expect(open).toHaveBeenLastCalledWith("/shared/a", { code: "1234" });
  vi.unstubAllGlobals();
});

it.each([0, 429, 503])("says why a file whose address is over can’t be fetched now, and not that the link has ended: %s", async (status) => {
  await opensAgain();
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockReturnValue(undefined);
  open.mockImplementation(() => {
    throw new ApiError(status, "away", "The recorder is away.", "");
  });
  fireEvent.click(screen.getByText(words.save));
  await screen.findByText("The recorder is away.");
  expect([screen.queryByText(words.save) !== null, clicked.mock.calls.length]).toEqual([true, 0]);
  clicked.mockRestore();
  vi.unstubAllGlobals();
});

const offline = () => Promise.reject(new TypeError("offline"));

it.each([
  ["no line", 0, "no_connection"],
  ["no answer", 0, "unsure"],
  ["a gateway’s own page", 404, "unknown"],
])("tries again by itself after %s, and speaks of no home network", async (_, status, code) => {
  isPicture.value = false;
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  open.mockImplementation(() => {
    throw new ApiError(status, code, "No.", t.problems.noConnectionDo);
  });
  render(<Shared token="a" />);
  await screen.findByText(`${t.problems.noConnection} ${words.away}`);
  open.mockReset();
  dispatchEvent(new Event("online"));
  await screen.findByText(words.save);
  vi.unstubAllGlobals();
});

it("tries again with the code that was entered", async () => {
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  open.mockImplementation(() => {
    throw new ApiError(401, "code_needed", "This link requires a code.", "");
  });
  render(<Shared token="a" />);
  fireEvent.input(await screen.findByLabelText(words.codeLabel), { target: { value: "1234" } });
  open.mockImplementation(() => {
    throw new ApiError(0, "no_connection", "", "");
  });
  fireEvent.click(screen.getByText(words.open));
  fireEvent.click(await screen.findByText(t.actions.tryAgain));
  await waitFor(() => expect(open).toHaveBeenCalledTimes(3));
  expect(open).toHaveBeenLastCalledWith("/shared/a", { code: "1234" });
  vi.unstubAllGlobals();
});

it("plays on where it was once the line is back", async () => {
  isPicture.value = false;
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  const { container } = render(<Shared token="a" />);
  await waitFor(() => expect(container.querySelector("video")).not.toBeNull());
  const video = container.querySelector("video") as HTMLVideoElement;
  Object.defineProperties(video, { currentTime: { value: 12, writable: true }, error: { value: { code: 2 } } });
  vi.stubGlobal("fetch", vi.fn(offline));
  fireEvent.error(video);
  await screen.findByText(`${t.problems.noConnection} ${words.away}`);
  const loads = vi.spyOn(video, "src", "set");
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  fireEvent.click(screen.getByText(t.actions.tryAgain));
  await waitFor(() => expect(loads).toHaveBeenCalledWith("/v?ticket=1"));
  video.currentTime = 0;
  fireEvent.loadedMetadata(video);
  expect([video.currentTime, screen.queryByText(t.actions.tryAgain)]).toEqual([12, null]);
  vi.unstubAllGlobals();
});

it("asks again for a picture that didn’t get through", async () => {
  isPicture.value = true;
  vi.stubGlobal("fetch", vi.fn(offline));
  render(<Shared token="a" />);
  const picture = await screen.findByAltText(words.title);
  fireEvent.error(picture);
  await screen.findByText(t.actions.tryAgain);
  const loads = vi.spyOn(picture as HTMLImageElement, "src", "set");
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  dispatchEvent(new Event("online"));
  await waitFor(() => expect(loads).toHaveBeenCalledWith("/v?ticket=1"));
  vi.unstubAllGlobals();
});

it("doesn’t take a clip for missing while its recorder is away", async () => {
  isPicture.value = false;
  vi.stubGlobal("fetch", vi.fn(async () => new Response("<html>404</html>", { status: 404 })));
  render(<Shared token="a" />);
  await waitFor(() => expect(document.querySelector("video")).not.toBeNull());
  fireEvent.error(document.querySelector("video") as HTMLVideoElement);
  await screen.findByText(t.actions.tryAgain);
  expect(document.querySelector("video")).not.toBeNull();
  vi.unstubAllGlobals();
});

/** Lines that never answer; each ends when it is given up. */
const dead = () => vi.fn((_: string, { signal }: RequestInit) => new Promise<Response>((_done, fail) => signal?.addEventListener("abort", () => fail(new Error("aborted")))));
const after = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
const lines = () => vi.mocked(fetch).mock.calls.map(([, options]) => options?.signal?.aborted);

it("gives a file minutes to its first byte, and says nothing while the video plays", async () => {
  isPicture.value = false;
  vi.useFakeTimers();
  vi.stubGlobal("fetch", dead());
  render(<Shared token="a" />);
  await after(590_000);
  expect([lines(), screen.queryByRole("alert")]).toEqual([[false], null]);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("tries again at once by a press or when the line is back, though a look waits on the dead line", async () => {
  isPicture.value = false;
  vi.useFakeTimers();
  vi.stubGlobal("fetch", dead());
  render(<Shared token="a" />);
  await after(10);
  fireEvent.error(document.querySelector("video") as HTMLVideoElement);
  await after(10_000);
  const before = lines().length;
  fireEvent.click(screen.getByText(t.actions.tryAgain));
  dispatchEvent(new Event("online"));
  await after(10);
  expect(lines().slice(before - 1)).toEqual([true, true, false]);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("says what is missing also where the first look failed while the video plays", async () => {
  isPicture.value = false;
  vi.useFakeTimers();
  vi.stubGlobal("fetch", vi.fn(offline));
  render(<Shared token="a" />);
  await after(10);
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null, { headers: { "X-Elsewhere-Ms": "1000-15000" } })));
  for (let n = 0; n < 3; n += 1) await after(1_500);
  expect(screen.getByText(/^14 s of it is missing/)).toBeTruthy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("looks again by a press where the look for a download waits on a dead line", async () => {
  isPicture.value = false;
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockReturnValue(undefined);
  render(<Shared token="a" />);
  const save = await screen.findByText(words.save);
  await new Promise((done) => setTimeout(done, 20));
  vi.stubGlobal("fetch", dead());
  const now = vi.spyOn(performance, "now").mockReturnValue(1_000);
  fireEvent.click(save);
  now.mockReturnValue(20_000);
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  fireEvent.click(await screen.findByText(words.loading));
  await screen.findByText(words.save);
  expect(clicked).toHaveBeenCalledOnce();
  for (const each of [now, clicked]) each.mockRestore();
  vi.unstubAllGlobals();
});

it("says that it looks for the file of a download, and looks once however often it is pressed", async () => {
  isPicture.value = false;
  const atFirst = vi.fn(async () => new Response(null));
  vi.stubGlobal("fetch", atFirst);
  render(<Shared token="a" />);
  const save = await screen.findByText(words.save);
  await vi.waitFor(() => expect(atFirst).toHaveBeenCalled());
  await new Promise((done) => setTimeout(done, 20));
  vi.stubGlobal("fetch", dead());
  fireEvent.click(save);
  fireEvent.click(await screen.findByText(words.loading));
  expect(lines()).toEqual([false]);
  vi.unstubAllGlobals();
});

it("loads a broken video again when the download finds its file", async () => {
  isPicture.value = false;
  vi.stubGlobal("fetch", vi.fn(offline));
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockReturnValue(undefined);
  render(<Shared token="a" />);
  await waitFor(() => expect(document.querySelector("video")).not.toBeNull());
  const video = document.querySelector("video") as HTMLVideoElement;
  fireEvent.error(video);
  await screen.findByText(t.actions.tryAgain);
  const loads = vi.spyOn(video, "src", "set");
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  fireEvent.click(screen.getByText(words.save));
  await waitFor(() => expect(loads).toHaveBeenCalledWith("/v?ticket=1"));
  expect(clicked).toHaveBeenCalled();
  clicked.mockRestore();
  vi.unstubAllGlobals();
});

it("says that the browser can’t show a picture whose file is there, and asks for it no more", async () => {
  isPicture.value = true;
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null)));
  render(<Shared token="a" />);
  const picture = await screen.findByAltText<HTMLImageElement>(words.title);
  const loads = vi.spyOn(picture, "src", "set");
  await new Promise((done) => setTimeout(done, 20)); // the first look
  for (const times of [1, 2]) {
    fireEvent.error(picture);
    fireEvent.click(await screen.findByText(t.actions.tryAgain));
    await waitFor(() => expect(loads).toHaveBeenCalledTimes(times));
  }
  fireEvent.error(picture);
  await screen.findByText(words.unplayable);
  expect(screen.queryByText(t.actions.tryAgain)).toBeNull();
  vi.unstubAllGlobals();
});
