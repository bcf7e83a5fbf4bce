// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useLeaving } from "./leaving";
import { go, path, startRouter } from "./router";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
let isChanged = true;
const close = vi.fn();

function Editor() {
  const { ask, sheet } = useLeaving({ isChanged: () => isChanged, close, within: (to) => to.startsWith("/plan/") });
  return (
    <>
      <button onClick={() => ask(close)}>{"Cancel"}</button>
      {sheet}
    </>
  );
}

beforeEach(() => {
  isChanged = true;
  close.mockClear();
  go("/plan", { anyway: true });
  render(<Editor />);
});
afterEach(cleanup);

it("asks before another page is shown, and stays", async () => {
  go("/events");
  fireEvent.click(await screen.findByText("Stay"));
  expect([path.value, close.mock.calls.length, screen.queryByText("Stay")]).toEqual(["/plan", 0, null]);
});

it("leaves after that question", async () => {
  go("/events");
  fireEvent.click(await screen.findByText("Leave"));
  expect([path.value, close.mock.calls.length]).toEqual(["/events", 1]);
});

it("asks nothing without changes, nor on pages where they stay", () => {
  go("/plan/2");
  expect(path.value).toBe("/plan/2");
  isChanged = false;
  go("/events");
  expect(path.value).toBe("/events");
});

it("closes what is open when its own address is asked for", () => {
  isChanged = false;
  go("/plan");
  expect(close).toHaveBeenCalledOnce();
});

it.each([true, false])("ends the changing by the back button, and stays on the page (changed: %s)", async (changed) => {
  const stop = startRouter();
  isChanged = changed;
  history.replaceState(null, "", "/live");
  dispatchEvent(new PopStateEvent("popstate"));
  if (changed) fireEvent.click(await screen.findByText("Leave"));
  expect([path.value, location.pathname, close.mock.calls.length]).toEqual(["/plan", "/plan", 1]);
  stop();
});

it("asks before it is closed by a key or a button", async () => {
  fireEvent.click(screen.getByText("Cancel"));
  expect(close).not.toHaveBeenCalled();
  fireEvent.click(await screen.findByText("Leave"));
  expect(close).toHaveBeenCalledOnce();
});

it("holds back nothing as soon as its form is gone", () => {
  cleanup();
  const event = new Event("beforeunload", { cancelable: true });
  dispatchEvent(event);
  expect(event.defaultPrevented).toBe(false);
});

it("holds back a browser that leaves, while there are changes", () => {
  const held = () => {
    const event = new Event("beforeunload", { cancelable: true });
    dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(held()).toBe(true);
  isChanged = false;
  expect(held()).toBe(false);
});
