// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { t } from "../../strings";
import { event } from "../../testing/make";
import { Worth } from "./Worth";

const words = t.events.worth;
afterEach(cleanup);

it("takes the keyboard to the reasons when it asks for one", async () => {
  render(<Worth event={event("a", 0)} />);
  fireEvent.click(screen.getByText(words.no));
  expect(document.activeElement).toBe(await screen.findByText(words.why.shadow));
});
