// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { t } from "../strings";
import { go, place, startRouter } from "./router";
import { Sheet } from "./Sheet";
import { Toasts, toast } from "./toast";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
const onClose = vi.fn();
beforeEach(() => onClose.mockClear());
afterEach(cleanup);

const Page = ({ sheets }: { sheets: string[] }) => (
  <>
    <Toasts />
    {sheets.map((title) => (
      <Sheet key={title} title={title} onClose={onClose}>
        <input aria-label={title} />
      </Sheet>
    ))}
  </>
);
const sheetOf = (text: string) => screen.getByText(text).closest("dialog")?.getAttribute("aria-label") ?? null;

it("shows toasts in the topmost sheet: what is below it is neither seen nor heard", async () => {
  const { rerender } = render(<Page sheets={[]} />);
  toast("Refused.");
  await waitFor(() => expect(sheetOf("Refused.")).toBeNull());
  for (const sheets of [["A"], ["A", "B"], ["A"]]) {
    rerender(<Page sheets={sheets} />);
    await waitFor(() => expect(sheetOf("Refused.")).toBe(sheets.at(-1)));
  }
  rerender(<Page sheets={[]} />);
  await waitFor(() => expect(sheetOf("Refused.")).toBeNull());
});

it("stays open when text is selected to beyond its edge, and closes on a click outside", () => {
  render(<Page sheets={["A"]} />);
  const dialog = screen.getByRole("dialog", { hidden: true });
  fireEvent.pointerDown(screen.getByLabelText("A", { selector: "input" }));
  fireEvent.click(dialog);
  expect(onClose).not.toHaveBeenCalled();
  fireEvent.pointerDown(dialog);
  fireEvent.click(dialog);
  expect(onClose).toHaveBeenCalledOnce();
});

it("is open as long as it is rendered: it may ask before it closes", async () => {
  const { rerender } = render(<Page sheets={["A"]} />);
  const dialog = screen.getByRole<HTMLDialogElement>("dialog", { hidden: true });
  fireEvent.click(screen.getByLabelText(t.actions.close));
  expect([dialog.open, onClose.mock.calls.length]).toEqual([true, 1]);
  dialog.close(); // as a browser does at the second Esc
  expect([dialog.open, onClose.mock.calls.length]).toEqual([false, 2]);
  rerender(<Page sheets={["A"]} />);
  await waitFor(() => expect(dialog.open).toBe(true));
});

it("is closed by the browser's back button, the topmost one, and the page stays", () => {
  const stop = startRouter();
  go("/events/1");
  const topmost = vi.fn();
  render(
    <>
      <Page sheets={["A"]} />
      <Sheet title="B" onClose={topmost}>
        {null}
      </Sheet>
    </>,
  );
  history.replaceState(null, "", "/events"); // as the back button does
  dispatchEvent(new PopStateEvent("popstate"));
  expect([topmost.mock.calls.length, onClose.mock.calls.length]).toEqual([1, 0]);
  expect([place.value.path, location.pathname]).toEqual(["/events/1", "/events/1"]);
  stop();
});

it("lets its own links lead to another page", () => {
  render(<Page sheets={["A"]} />);
  go("/health");
  expect([place.value.path, onClose.mock.calls.length]).toEqual(["/health", 0]);
});
