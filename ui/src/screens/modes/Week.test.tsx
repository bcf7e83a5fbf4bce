// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, waitFor } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, expect, it, vi } from "vitest";
import type { ModePlanChange, ModeWeekInfo } from "../../api/schema";
import { modes as words } from "../../strings/modes";
import { Week } from "./Week";
import { WeekDrawn } from "./WeekDrawn";

afterEach(cleanup);
afterEach(() => void vi.useRealTimers());

let plan: ModePlanChange;
let setPlan: (plan: ModePlanChange) => void;

function Host({ modes }: { modes: ModePlanChange["modes"] }) {
  [plan, setPlan] = useState<ModePlanChange>({ modes, rules: [] });
  return <Week draft={plan} week={null} onChange={setPlan} onCommit={() => {}} />;
}
const values = (selector: string) => [...document.querySelectorAll<HTMLInputElement>(selector)].map((input) => input.value);
const times = () => values(".week-moment");

it("shows the times of the plan after what was typed is undone or its row is removed", async () => {
  const modes = { names: ["home", "night"], schedule: { night: ["22:00-06:00", "13:00-14:00"] } };
  const { container, getByLabelText } = render(<Host modes={modes} />);
  const type = (value: string) => fireEvent.input(container.querySelector(".week-moment")!, { target: { value } });
  const before = plan;
  type("21:00");
  await waitFor(() => expect(times()).toEqual(["21:00", "06:00", "13:00", "14:00"]));
  setPlan(before);
  await waitFor(() => expect(times()).toEqual(["22:00", "06:00", "13:00", "14:00"]));
  type("21:00");
  await waitFor(() => expect(plan.modes.schedule?.["night"]?.[0]).toBe("21:00-06:00"));
  fireEvent.click(getByLabelText(`${words.week.remove}: 21:00-06:00`));
  await waitFor(() => expect(times()).toEqual(["13:00", "14:00"]));
});

it("keeps what is typed in its field while it is no time yet", async () => {
  const { container } = render(<Host modes={{ names: ["home", "night"], schedule: { night: ["22:00-06:00"] } }} />);
  fireEvent.input(container.querySelector(".week-moment")!, { target: { value: "2" } });
  await waitFor(() => expect(plan.modes.schedule?.["night"]).toEqual(["2-06:00"]));
  expect(times()).toEqual(["2", "06:00"]);
});

it("moves a holiday of one day as a whole, and one of several days by its edges", async () => {
  const exceptions = { "2026-11-20": "home", "2026-12-24 to 2026-12-26": "night" };
  const { container } = render(<Host modes={{ names: ["home", "night"], exceptions }} />);
  const [single, , first] = container.querySelectorAll<HTMLInputElement>("input[type=date]");
  fireEvent.input(single!, { target: { value: "2026-11-21" } });
  await waitFor(() => expect(values("input[type=date]").slice(0, 2)).toEqual(["2026-11-21", "2026-11-21"]));
  fireEvent.input(first!, { target: { value: "2026-12-25" } });
  await waitFor(() => expect(plan.modes.exceptions).toEqual({ "2026-11-21": "home", "2026-12-25 to 2026-12-26": "night" }));
});

it("takes the end of a holiday along when its begin passes it", async () => {
  const { container } = render(<Host modes={{ names: ["home", "night"], exceptions: { "2026-12-24 to 2026-12-26": "night" } }} />);
  const first = container.querySelector<HTMLInputElement>("input[type=date]")!;
  fireEvent.input(first, { target: { value: "2027-01-05" } });
  await waitFor(() => expect(values("input[type=date]")).toEqual(["2027-01-05", "2026-12-26"]));
  fireEvent.blur(first);
  await waitFor(() => expect(values("input[type=date]")).toEqual(["2027-01-05", "2027-01-05"]));
});

it("keeps a holiday whose date another one passes while it is typed", async () => {
  const exceptions = { "2026-12-25": "night", "2026-11-20": "home" };
  const { container } = render(<Host modes={{ names: ["home", "night"], exceptions }} />);
  const type = (value: string) => fireEvent.input(container.querySelectorAll<HTMLInputElement>("input[type=date]")[2]!, { target: { value } });
  type("2026-12-25");
  await waitFor(() => expect(values("input[type=date]")).toEqual(["2026-12-25", "2026-12-25", "2026-12-25", "2026-12-25"]));
  type("2027-12-25");
  await waitFor(() => expect(plan.modes.exceptions).toEqual({ "2026-12-25": "night", "2027-12-25": "home" }));
});

it("is as it was when a time is typed back", async () => {
  const schedule = { night: ["22:00-06:00"], away: ["09:00-12:00"] };
  const { container } = render(<Host modes={{ names: ["home", "night", "away"], schedule }} />);
  const type = (value: string) => fireEvent.input(container.querySelector(".week-moment")!, { target: { value } });
  const before = JSON.stringify(plan);
  type("21:00");
  await waitFor(() => expect(plan.modes.schedule?.["night"]).toEqual(["21:00-06:00"]));
  type("22:00");
  await waitFor(() => expect(JSON.stringify(plan)).toBe(before));
});

it("keeps the focus where the last time of a mode is removed", async () => {
  const { getByLabelText } = render(<Host modes={{ names: ["home", "night"], schedule: { night: ["22:00-06:00"] } }} />);
  const remove = getByLabelText(`${words.week.remove}: 22:00-06:00`);
  remove.focus();
  fireEvent.click(remove);
  await waitFor(() => expect(times()).toEqual([]));
  expect(document.activeElement?.matches(".week-add")).toBe(true);
});

const NIGHT_AT = 360;
const monday = (from_min: number): ModeWeekInfo => ({
  days: [{ date: "2026-11-30", weekday: 0, parts: [{ mode: "home", from_min: 0, to_min: from_min }, { mode: "night", from_min, to_min: 1440 }] }],
});

/** A day whose edge stands at six: what is painted, and its edge. */
function drawn(day = monday) {
  vi.useFakeTimers();
  const paint = vi.fn();
  const at = (minute: number) => <WeekDrawn week={day(minute)} modes={["home", "night", "away"]} isException={() => false} onPaint={paint} />;
  const { container, rerender, unmount } = render(at(NIGHT_AT));
  const edge = () => container.querySelector<HTMLElement>(".week-edge")!;
  const press = (key: string, times: number) => {
    for (let n = 0; n < times; n++) act(() => void fireEvent.keyDown(edge(), { key }));
  };
  const pass = (ms: number) => act(() => void vi.advanceTimersByTime(ms));
  return { container, edge, press, pass, paint, unmount, answer: (minute: number) => act(() => rerender(at(minute))) };
}

it("stores once where quick keys leave an edge", () => {
  const { edge, press, pass, paint } = drawn();
  press("ArrowRight", 4);
  expect([edge().getAttribute("aria-valuenow"), paint.mock.calls.length]).toEqual(["420", 0]);
  pass(1_000);
  expect(paint.mock.calls).toEqual([["home", 0, NIGHT_AT, 420]]);
});

it("goes on from where keys left an edge before the recorder has answered", () => {
  const { edge, press, pass, paint, answer } = drawn();
  press("ArrowRight", 4);
  pass(600);
  press("ArrowLeft", 1);
  answer(420);
  expect(edge().getAttribute("aria-valuenow")).toBe("405");
  pass(600);
  expect(paint.mock.calls.at(-1)).toEqual(["night", 0, 405, 420]);
});

it("shows the recorder's edge once it has answered, and where nothing came of the keys", () => {
  const { edge, press, pass, answer } = drawn();
  press("ArrowRight", 1);
  pass(600);
  answer(375);
  answer(NIGHT_AT); // undone
  expect(edge().getAttribute("aria-valuenow")).toBe(`${NIGHT_AT}`);
  press("ArrowRight", 1);
  pass(6_000);
  expect(edge().getAttribute("aria-valuenow")).toBe(`${NIGHT_AT}`);
});

it.each(["blur", "leave"] as const)("stores what keys moved at once on %s", (how) => {
  const { edge, press, pass, paint, unmount } = drawn();
  press("ArrowRight", 1);
  if (how === "blur") act(() => void fireEvent.blur(edge()));
  else act(() => void unmount());
  expect(paint.mock.calls).toEqual([["home", 0, NIGHT_AT, 375]]);
  pass(1_000);
  expect(paint).toHaveBeenCalledTimes(1);
});

it("shows an edge where keys left it while its answer comes, also when the focus has gone on", () => {
  const { edge, press } = drawn();
  press("ArrowRight", 1);
  act(() => void fireEvent.blur(edge()));
  expect(edge().getAttribute("aria-valuenow")).toBe("375");
});

/** Home until that minute, then night, and away from twelve. */
const threeParts = (minute: number): ModeWeekInfo => {
  const parts = [{ mode: "home", from_min: 0, to_min: minute }, { mode: "night", from_min: minute, to_min: 720 }, { mode: "away", from_min: 720, to_min: 1440 }];
  return { days: [{ date: "2026-11-30", weekday: 0, parts: parts.filter((part) => part.to_min > part.from_min) }] };
};

it("takes nothing over to the next edge from one that keys moved to midnight", () => {
  const { edge, press, pass, answer } = drawn(threeParts);
  press("ArrowLeft", NIGHT_AT / 15);
  pass(600);
  press("ArrowLeft", 3); // still held
  answer(0);
  expect(edge().getAttribute("aria-valuenow")).toBe("720");
});

it("moves from where it is shown after keys that a bound stopped", () => {
  const { press, pass, paint } = drawn();
  press("ArrowLeft", NIGHT_AT / 15);
  pass(600);
  press("ArrowLeft", 3); // still held
  pass(6_000); // no answer came
  press("ArrowLeft", 1);
  pass(600);
  expect(paint.mock.calls.at(-1)).toEqual(["night", 0, 345, NIGHT_AT]);
});

it("draws the hours from the left in every language, as a pointer counts them", () => {
  const { container } = drawn();
  const drawnIn = [".week-bar", ".week-hours"].map((part) => container.querySelector(part)?.closest("[dir]")?.getAttribute("dir"));
  expect(drawnIn).toEqual(["ltr", "ltr"]);
});
