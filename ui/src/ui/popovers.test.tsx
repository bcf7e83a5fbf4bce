// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import "./popovers";

const states: string[] = [];
const isOpen = (id: string) => document.getElementById(id)?.hasAttribute("data-open");
const press = (text: string) => {
  fireEvent.pointerDown(screen.getByText(text));
  fireEvent.click(screen.getByText(text));
  vi.runAllTimers();
};

beforeEach(() => {
  vi.useFakeTimers();
  states.length = 0;
  render(
    <>
      <button popovertarget="menu">{"Menu"}</button>
      <div id="menu" popover="auto" onToggle={(event) => states.push(event.newState)}>
        <button>{"Inside"}</button>
      </div>
      <button popovertarget="days">{"Days"}</button>
      <div id="days" popover="auto" />
      <p>{"Page"}</p>
    </>,
  );
  press("Menu");
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("opens by its button, and tells so", () => {
  expect([isOpen("menu"), states]).toEqual([true, ["open"]]);
});

it.each([["its button", "Menu", false], ["the page", "Page", false], ["another’s button", "Days", false], ["the panel", "Inside", true]])(
  "after a press on %s",
  (_, pressed, stays) => {
    press(pressed);
    expect([isOpen("menu"), states.at(-1)]).toEqual([stays, stays ? "open" : "closed"]);
  },
);

it("closes on Escape, which means nothing else then, and gives the focus back", () => {
  screen.getByText("Inside").focus();
  const isForOthers = fireEvent.keyDown(screen.getByText("Inside"), { key: "Escape" });
  expect([isOpen("menu"), isForOthers, document.activeElement]).toEqual([false, false, screen.getByText("Menu")]);
});

it("leaves one open", () => {
  press("Days");
  expect([isOpen("menu"), isOpen("days")]).toEqual([false, true]);
});
