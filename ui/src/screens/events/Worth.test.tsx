// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { events } from "../../strings/events";
import { event } from "../../testing/make";
import { toast } from "../../ui/toast";
import { Worth } from "./Worth";

vi.mock("../../ui/toast", () => ({ toast: vi.fn() }));

const words = events.worth;
afterEach(cleanup);
afterEach(() => vi.unstubAllGlobals());

it("takes the keyboard to the reasons when it asks for one", async () => {
  render(<Worth event={event("a", 0)} />);
  fireEvent.click(screen.getByText(words.no));
  expect(document.activeElement).toBe(await screen.findByText(words.why.shadow));
});

function recorder(): [string, unknown][] {
  const asked: [string, unknown][] = [];
  vi.mocked(toast).mockClear();
  vi.stubGlobal("fetch", (path: string, about: RequestInit = {}) => {
    if (about.body) asked.push([path, JSON.parse(about.body as string)]);
    return Promise.resolve(new Response("{}", { status: about.body ? 200 : 404, headers: { "Content-Type": "application/json" } }));
  });
  return asked;
}

async function saysShadow(): Promise<void> {
  fireEvent.click(screen.getByText(words.no));
  fireEvent.click(await screen.findByText(words.why.shadow));
  await vi.waitFor(() => expect(toast).toHaveBeenCalledOnce());
}

const GIVEN = ["/api/v1/events/a/feedback", { false_alarm: "shadow" }];
const TAKEN_BACK = ["/api/v1/events/a/feedback", { false_alarm: "" }];

it("makes an event new again when false alarm is undone", async () => {
  const asked = recorder();
  const { rerender } = render(<Worth event={event("a", 0, { reviewed: false })} />);
  await saysShadow();
  rerender(<Worth event={event("a", 0, { reviewed: true, false_alarm: "shadow" })} />);
  vi.mocked(toast).mock.calls[0]?.[1]?.();
  await vi.waitFor(() => expect(asked).toEqual([GIVEN, TAKEN_BACK, ["/api/v1/events/a", { reviewed: false }]]));
});

it("leaves an event reviewed that was so before the false alarm", async () => {
  const asked = recorder();
  const { rerender } = render(<Worth event={event("a", 0, { reviewed: false })} />);
  rerender(<Worth event={event("a", 0, { reviewed: true })} />);
  await saysShadow();
  vi.mocked(toast).mock.calls[0]?.[1]?.();
  await vi.waitFor(() => expect(asked).toEqual([GIVEN, TAKEN_BACK]));
  await new Promise((resolve) => setTimeout(resolve)); // another request would have been sent by now
  expect(asked).toHaveLength(2);
});
