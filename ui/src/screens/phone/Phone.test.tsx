// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { setLanguage } from "../../strings/language";
import { phoneCamera } from "../../strings/phone-camera";
import { show } from "./Phone";

const words = phoneCamera.page;
const PHONE = { token: "t", camera: "Garage", facing: "environment", stopped: false };
let place: HTMLElement;
let lose: (why: unknown) => void;
let refuses = "";

beforeEach(() => {
  refuses = "";
  place = document.body.appendChild(document.createElement("div"));
  localStorage.setItem("tawny.phone", JSON.stringify(PHONE));
  const getUserMedia = async () => {
    if (refuses) throw new DOMException("no", refuses);
    return Object.assign(new MediaStream(), { getVideoTracks: () => [], getTracks: () => [] });
  };
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs: [{ mimeType: "video/H264" }] }) });
  const used = () => new Response(JSON.stringify({ code: "code_ended", message: "The code has been used." }), { status: 404 });
  vi.stubGlobal("fetch", (path: string) => (path.endsWith("/join") ? Promise.resolve(used()) : new Promise(() => undefined)));
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: { getUserMedia, enumerateDevices: async () => [] } });
  const request = (_: string, { steal }: LockOptions, granted: () => unknown) => new Promise((_, fail) => steal && granted() && (lose = fail));
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request } });
});

afterEach(() => {
  render(null, place);
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  localStorage.clear();
  location.hash = "";
});

/** Opens a link to this page in this tab. */
function follow(hash: string): void {
  history.replaceState(null, "", `${location.pathname}${hash}`);
  dispatchEvent(new Event("hashchange"));
}

const button = (name: string) => vi.waitUntil(() => [...place.querySelectorAll("button")].find((each) => each.textContent?.trim() === name));

it("says that it waits for a camera that another app uses", async () => {
  refuses = "NotReadableError";
  show(place);
  await button(words.again);
  expect(place.querySelector("h1")?.textContent?.trim()).toBe(words.blocked);
});

it("says that another tab sends, and offers to send here", async () => {
  refuses = "NotReadableError";
  show(place);
  await button(words.again);
  lose(new DOMException("stolen", "AbortError"));
  await button(words.here);
  expect(place.textContent).toContain(words.elsewhere);
});

it("goes on as the camera that it is when its own link is opened again", async () => {
  localStorage.setItem("tawny.phone", JSON.stringify({ ...PHONE, code: "used" }));
  location.hash = "#used";
  show(place);
  await button(words.stop);
  expect(JSON.parse(localStorage.getItem("tawny.phone") ?? "")).toEqual({ ...PHONE, code: "used" });
  expect(location.hash).toBe("");
});

it("says that another code is refused, and stays the camera that it is", async () => {
  localStorage.setItem("tawny.phone", JSON.stringify({ ...PHONE, code: "used" }));
  location.hash = "#other";
  show(place);
  expect((await button(words.allow)) && place.textContent).toContain(words.already(PHONE.camera));
  (await button(words.allow)).click();
  await button(words.again);
  expect(place.textContent).toContain("The code has been used.");
  expect(JSON.parse(localStorage.getItem("tawny.phone") ?? "")).toMatchObject(PHONE);
  (await button(words.stay(PHONE.camera))).click();
  await button(words.stop);
  expect([location.hash, place.textContent?.includes("The code has been used.")]).toEqual(["", false]);
});

it("says in the page’s language that a code is refused", async () => {
  setLanguage("de", { "The code has been used.": "Der Code ist verbraucht." });
  location.hash = "#other";
  show(place);
  (await button(words.allow)).click();
  await button(words.again);
  setLanguage("en", {});
  expect(place.textContent).toContain("Der Code ist verbraucht.");
});

it.each([
  [true, words.start],
  [false, words.stop],
])("is the camera again when its own link is opened in the page of another code (stopped: %s)", async (stopped, shown) => {
  localStorage.setItem("tawny.phone", JSON.stringify({ ...PHONE, stopped, code: "used" }));
  const reload = vi.spyOn(location, "reload").mockImplementation(() => undefined);
  location.hash = "#other";
  show(place);
  await button(words.allow);
  reload.mockClear();
  follow("#used");
  await button(shown);
  expect([location.hash, reload.mock.calls.length]).toEqual(["", 0]);
});

it("says that a used code doesn’t make another phone a camera", async () => {
  localStorage.clear();
  location.hash = "#used";
  show(place);
  (await button(words.allow)).click();
  await button(words.again);
  expect([place.textContent?.includes("The code has been used."), localStorage.length]).toEqual([true, 0]);
});

it("loads the page of a code that is opened in the same tab", async () => {
  const reload = vi.spyOn(location, "reload").mockImplementation(() => undefined);
  show(place);
  follow("#other");
  expect(reload).toHaveBeenCalled();
});

it("isn’t loaded again, which would switch its microphone off, by its own link or the way back from that", async () => {
  localStorage.setItem("tawny.phone", JSON.stringify({ ...PHONE, code: "used" }));
  const reload = vi.spyOn(location, "reload").mockImplementation(() => undefined);
  show(place);
  await button(words.stop);
  follow("#used");
  follow("");
  expect([location.hash, reload.mock.calls.length]).toEqual(["", 0]);
});
