// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
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
  const camera = { getVideoTracks: () => [], getTracks: () => [] };
  const getUserMedia = async () => {
    if (refuses) throw new DOMException("no", refuses);
    return camera;
  };
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs: [{ mimeType: "video/H264" }] }) });
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ message: "The code has been used." }), { status: 404 }));
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: { getUserMedia, enumerateDevices: async () => [] } });
  const request = (_: string, { steal }: LockOptions, granted: () => unknown) => new Promise((_, fail) => steal && granted() && (lose = fail));
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request } });
});

afterEach(() => {
  render(null, place);
  vi.unstubAllGlobals();
  localStorage.clear();
  location.hash = "";
});

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

it("stays a camera after a used code was opened again", async () => {
  location.hash = "#used";
  show(place);
  (await button(words.allow)).click();
  await button(words.again);
  expect(JSON.parse(localStorage.getItem("tawny.phone") ?? "")).toEqual(PHONE);
});
