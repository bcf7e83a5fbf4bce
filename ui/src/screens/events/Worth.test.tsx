// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { event } from "../../testing/make";
import { toast } from "../../ui/toast";
import { Worth } from "./Worth";

vi.mock("../../ui/toast", () => ({ toast: vi.fn() }));

const words = t.events.worth;
afterEach(cleanup);
afterEach(() => vi.unstubAllGlobals());

it("takes the keyboard to the reasons when it asks for one", async () => {
  render(<Worth event={event("a", 0)} />);
  fireEvent.click(screen.getByText(words.no));
  expect(document.activeElement).toBe(await screen.findByText(words.why.shadow));
});

it("makes an event new again when false alarm is undone", async () => {
  const asked: [string, unknown][] = [];
  vi.stubGlobal("fetch", (path: string, about: RequestInit = {}) => {
    if (about.body) asked.push([path, JSON.parse(about.body as string)]);
    return Promise.resolve(new Response("{}", { status: about.body ? 200 : 404, headers: { "Content-Type": "application/json" } }));
  });
  const { rerender } = render(<Worth event={event("a", 0, { reviewed: false })} />);
  fireEvent.click(screen.getByText(words.no));
  fireEvent.click(await screen.findByText(words.why.shadow));
  await vi.waitFor(() => expect(toast).toHaveBeenCalled());
  rerender(<Worth event={event("a", 0, { reviewed: true, false_alarm: "shadow" })} />);
  vi.mocked(toast).mock.calls[0]?.[1]?.();
  await vi.waitFor(() =>
    expect(asked).toEqual([
      ["/api/v1/events/a/feedback", { false_alarm: "shadow" }],
      ["/api/v1/events/a/feedback", { false_alarm: "" }],
      ["/api/v1/events/a", { reviewed: false }],
    ]),
  );
});
