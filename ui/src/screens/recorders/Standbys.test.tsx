// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { Standbys, StandbyTrouble } from "./Standbys";

afterEach(cleanup);

const all = [
  { side: "own", name: "Shed", state: "ready" },
  { side: "protected", name: "Barn", state: "taken" },
  { side: "protected", name: "Gate", state: "away" },
] as const;

it("names both sides in the details, and only what is wrong beside the name", () => {
  const { container } = render(
    <dl>
      <Standbys all={[...all]} />
    </dl>,
  );
  expect([...container.querySelectorAll("dt")].map((one) => one.textContent)).toEqual(["Standby", "Standby for"]);
  expect(screen.getByText("Shed: ready").className).not.toContain("rec-warn");
  expect(screen.getByText("Barn: its cameras are taken over").className).toContain("rec-warn");
  cleanup();
  const trouble = render(<StandbyTrouble all={[...all]} />).container;
  expect([...trouble.querySelectorAll("p")].map((one) => one.textContent)).toEqual([
    "Standby for Barn: its cameras are taken over",
    "Standby for Gate: not protected now",
  ]);
});

it("shows nothing of a recorder without a standby", () => {
  expect(render(<Standbys all={[]} />).container.textContent).toBe("");
});
