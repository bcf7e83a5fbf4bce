// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Camera } from "../../api/types";
import type { Live } from "../../live/useLive";
import { controls } from "../../strings/controls";
import { session } from "../../ui/session";
import { zone } from "../../ui/times";
import { modes } from "../../api/modes";
import { MoreActs, PrivacyAct, QuietActs, RecordAct, SoundAct, secondsUntil } from "./Controls";

beforeEach(() => (zone.value = "Asia/Tokyo"));
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  session.value = null;
});

const NOON = Date.UTC(2026, 10, 20, 3, 0); // in Tokyo

it.each([
  ["14:00", 7_200],
  ["11:00", 23 * 3_600],
  ["12:00", 24 * 3_600],
  ["12:01", 60],
])("until %s by the recorder's clock are %d s", (time, seconds) => expect(secondsUntil(time, NOON)).toBe(seconds));

it("is right on the day of the change to summer time", () => {
  zone.value = "Europe/Berlin";
  expect(secondsUntil("06:00", Date.UTC(2026, 2, 28, 23, 0))).toBe(5 * 3_600);
});

it("is the second of two equal times when the first is over", () => {
  zone.value = "Europe/Berlin";
  expect(secondsUntil("02:30", Date.UTC(2026, 9, 25, 1, 10))).toBe(20 * 60);
});

it("turns detection on with the detector that another browser turned off", async () => {
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  const told = (detector: string) => ({ watch: { detector, numbers: {} }, version: "1", detector_when_on: "framediff" });
  const asked = vi.fn((_address: URL | string, init?: RequestInit) =>
    Promise.resolve(new Response(JSON.stringify(told(init?.method === "PUT" ? "framediff" : "off")), { headers: { "Content-Type": "application/json" } })),
  );
  vi.stubGlobal("fetch", asked);
  render(<MoreActs camera={{ id: "yard", name: "Yard" } as Camera} look="big" />);
  fireEvent.click(await screen.findByTitle(controls.detection.turnOn));
  await screen.findByTitle(controls.detection.turnOff);
  const sent = asked.mock.calls.find(([, init]) => init?.method === "PUT")?.[1]?.body;
  expect(JSON.parse(String(sent)).watch.detector).toBe("framediff");
});

it("keeps the focus when recording begins", () => {
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  const one = <RecordAct camera={{ id: "yard", name: "Yard" } as Camera} look="words" />;
  render(one);
  const button = screen.getByRole("button", { name: controls.record.start });
  button.focus();
  act(() => void (modes.value = { holds: [{ camera: "yard", what: "record", by: "Anna", since_ms: Date.now(), until_ms: null }] } as never));
  expect([document.activeElement?.getAttribute("data-act"), screen.getAllByRole("button")]).toEqual(["record", [button]]);
  expect(screen.getByRole("button", { name: controls.record.end })).toBe(button); // a name that stays, while the seconds are shown
  modes.value = null;
});

it("gives the focus to Resume after a pause by keyboard, and back", async () => {
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({})));
  const tile = (state: string) => {
    const camera = { id: "yard", name: "Yard", state } as Camera;
    return <div data-camera="yard">{state === "paused" ? <QuietActs camera={camera} /> : <PrivacyAct camera={camera} look="round" />}</div>;
  };
  const press = async (name: string) => {
    const button = await screen.findByText(name);
    button.focus();
    fireEvent.click(button);
  };
  const focused = () => (document.activeElement as HTMLElement).dataset["act"];
  const { rerender } = render(tile("recording"));
  act(() => void fireEvent(screen.getByRole("dialog", { hidden: true }), Object.assign(new Event("toggle"), { newState: "open" })));
  await press(controls.privacy.always);
  rerender(tile("paused"));
  act(() => void (modes.value = { holds: [{ camera: "yard", what: "pause", by: "Anna", since_ms: 0, until_ms: null }] } as never));
  await waitFor(() => expect(focused()).toBe("resume"));
  await press(controls.privacy.resume);
  rerender(tile("recording"));
  await waitFor(() => expect(focused()).toBe("privacy"));
  modes.value = null;
});

it.each(["round", "words", "big"] as const)("keeps the name of the sound button, %s, whose state says whether there is sound", (look) => {
  const live = { view: signal({ kind: "playing", sound: true }) } as unknown as Live;
  render(<SoundAct camera={{ id: `yard ${look}` } as Camera} live={live} look={look} />);
  fireEvent.click(screen.getByRole("button", { name: "Sound", pressed: false }));
  expect(screen.getByRole("button", { name: "Sound", pressed: true }).title).toBe("Sound");
});
