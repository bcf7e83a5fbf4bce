// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { modes as now } from "../../api/modes";
import type { ModeCell, ModeCellsRequest, ModePlanChange, ModePlanInfo, ModesInfo } from "../../api/schema";
import { t } from "../../strings";
import { modes as words } from "../../strings/modes";
import { session } from "../../ui/session";
import { Toasts } from "../../ui/toast";

/** The plan of the recorder, which refuses changes of an older one. */
let modes: ModePlanInfo["modes"];
let rules: ModePlanInfo["rules"];
let changes = 0;

const ours = { name: "ours", when: { kind: ["person"] }, do: ["notify phone"] };
const theirs = { name: "theirs", when: { kind: ["vehicle"] }, do: ["notify phone"] };
const cell = { record: "continuous", detection: false, notify: [], notify_by: "mode", channels: null, own: false, may_detect: true } satisfies ModeCell;
const told = (): ModePlanInfo => ({
  modes,
  rules,
  rows: [{ id: "gate", name: "Gate", group: "", is_detecting: false, is_named: false, cells: { home: { ...cell, record: recordOf() } } }],
  does: {},
  is_in_file: true,
  notifiers: ["phone"],
  destinations: [],
  rule_keys: [],
  version: String(changes),
});
const recordOf = () => modes.tables?.["home"]?.cameras?.["gate"]?.record ?? "continuous";

function changed(path: string, body: ModePlanChange & ModeCellsRequest): ModePlanInfo {
  if (path === "/modes/plan") {
    if (body.version !== String(changes)) throw new ApiError(409, "changed", "Changed meanwhile.", "");
    ({ modes, rules } = body);
  } else modes = { ...modes, tables: { home: { cameras: { gate: { record: body.record as "events" } } } } };
  changes += 1;
  return told();
}

vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async (path: string) => (path === "/modes/plan" ? told() : new Promise(() => {})),
  post: async (path: string) => (path === "/modes/preview" ? { days: [] } : new Promise(() => {})),
  put: async (path: string, body: ModePlanChange & ModeCellsRequest) => changed(path, body),
}));

let Modes: typeof import("./Modes").default;
beforeAll(async () => {
  Modes = (await import("./Modes")).default;
});
beforeEach(() => {
  modes = { names: ["home", "away"], schedule: { away: ["08:00-17:00"] }, presence: { people: { anna: {} } }, tables: {} };
  rules = [ours];
  session.value = { user: { name: "Anna", role: "owner" } } as unknown as typeof session.value;
  now.value = { modes: ["home", "away"], mode: "home", ahead: [], people: [], holds: [], lately: [], does: {}, looks_by: "", problem: "" } as unknown as ModesInfo;
});
afterEach(cleanup);

/** Opens the page; then another owner adds a rule and a time elsewhere. */
async function outdated(): Promise<void> {
  render(<><Modes /><Toasts /></>);
  await screen.findByLabelText(new RegExp(words.people.automatic));
  modes = { ...modes, schedule: { ...modes.schedule, home: ["17:00-18:00"] } };
  rules = [...rules, theirs];
  changes += 1;
}

const automatic = () => screen.getByLabelText(new RegExp(words.people.automatic));

async function undo(): Promise<void> {
  const buttons = await screen.findAllByText(t.actions.undo, { selector: ".toast button" });
  fireEvent.click(buttons.at(-1)!);
}

function expectTheirs(): void {
  expect(rules).toContainEqual(theirs);
  expect(modes.schedule).toEqual({ away: ["08:00-17:00"], home: ["17:00-18:00"] });
}

it("keeps what was changed elsewhere when a click holds at once, and when it is undone", async () => {
  await outdated();
  fireEvent.click(automatic());
  await waitFor(() => expect(modes.presence?.automatic).toBe(false));
  expectTheirs();
  await undo();
  await waitFor(() => expect(modes.presence?.automatic).not.toBe(false));
  expect(rules).toEqual([ours, theirs]);
  expectTheirs();
});

it("keeps what was changed elsewhere when a draft is saved", async () => {
  await outdated();
  fireEvent.input(screen.getByLabelText(words.rules.nameLabel), { target: { value: "my own" } });
  const save = screen.getByText(words.save.save) as HTMLButtonElement;
  await waitFor(() => expect(save.disabled).toBe(false));
  fireEvent.click(save);
  await waitFor(() => expect(rules).toEqual([{ ...ours, name: "my own" }, theirs]));
  expectTheirs();
  await waitFor(() => expect(screen.queryByText(words.save.save)).toBeNull());
});

it("keeps what was changed elsewhere when a cell is undone", async () => {
  await outdated();
  fireEvent.click(screen.getByRole("button", { name: /^Gate in Home:/ }));
  const panel = await screen.findByRole("dialog", { name: "Gate in Home" });
  fireEvent.click([...panel.querySelectorAll("button")].find((one) => one.textContent === "Events")!);
  await waitFor(() => expect(recordOf()).toBe("events"));
  fireEvent(panel, Object.assign(new Event("toggle"), { newState: "closed" }));
  await undo();
  await waitFor(() => expect(recordOf()).toBe("continuous"));
  expect(rules).toEqual([ours, theirs]);
  expectTheirs();
});
