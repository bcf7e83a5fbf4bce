// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as state from "../api/state";
import { camera, health } from "../testing/make";
import { translate } from "../testing/translated";
import { initials } from "./AccountMenu";
import { Page } from "./Page";
import { session } from "./session";

beforeEach(() => {
  session.value = {
    state: "signed-in",
    user: { id: "1", name: "Anna Keller", role: "owner" },
    version: "1",
    recorder: "attic",
    zone: "",
  };
  state.health.value = health([camera("front"), camera("hall", "offline")]);
});
afterEach(() => {
  cleanup();
  state.lost.value = false;
});

describe("every page", () => {
  it("has one truth chip with the recorder's numbers, and its title in the tab", () => {
    render(<Page title="Events">{null}</Page>);
    const chips = screen.getAllByRole("link", { name: /working/ });
    expect(chips).toHaveLength(1);
    expect(chips[0]?.getAttribute("aria-label")).toMatch(/^1 of 2 cameras working/);
    expect(document.title).toBe("Events – tawny");
  });
  it("tells the truth on, where the browser translates it", () => {
    const { container } = render(<Page title="Events">{null}</Page>);
    translate(container);
    const words = () => screen.getByRole("link", { name: /of 2 cameras/ }).textContent;
    const before = words();
    act(() => void (state.health.value = health([camera("front"), camera("hall")])));
    expect(words()).not.toBe(before);
  });
  it("says when it is cut off, and offers to try again", () => {
    state.lost.value = true;
    render(<Page title="Events">{null}</Page>);
    expect(screen.getByRole("alert").textContent).toBe("Can’t reach tawny."); // without the seconds, which screen readers would read out each time
    expect(screen.getByRole("button", { name: "Retry now" })).toBeTruthy();
    expect(screen.queryByRole("link", { name: /\d of \d/ })).toBeNull();
  });
});

it("shortens names to letters", () => {
  expect(initials("Anna Keller")).toBe("AK");
  expect(initials("ben")).toBe("B");
  expect(initials("Jo van der Berg")).toBe("JB");
});
