// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { modes as now } from "../../api/modes";
import type { ModeCell, ModeCellsRequest, ModePlanChange, ModePlanInfo, ModesInfo } from "../../api/schema";
import { t } from "../../strings";
import { leaving } from "../../strings/leaving";
import { modes as words } from "../../strings/modes";
import { go, path } from "../../ui/router";
import { session } from "../../ui/session";
import { Toasts } from "../../ui/toast";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
type Sent = { path: string; body: ModeCellsRequest & Partial<ModePlanChange>; answer: () => void };
const sent: Sent[] = [];
let plan: ModePlanInfo;

const cellOf = (record: ModeCell["record"]) => ({ record, detection: false, notify: [], notify_by: "modes", channels: null }) as unknown as ModeCell;
const planWith = (record: ModeCell["record"]): ModePlanInfo => ({
  modes: { names: ["home"], tables: { home: { cameras: { gate: { record: record as never } } } } },
  rules: [],
  rows: [{ id: "gate", name: "Gate", group: "", is_detecting: false, is_named: false, cells: { home: cellOf(record) } }],
  does: {},
  is_in_file: true,
  notifiers: [],
  destinations: [],
  rule_keys: [],
  version: "",
});

vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (path: string) => (path === "/modes/plan" ? Promise.resolve(plan) : new Promise(() => {})),
  post: (path: string) => (path === "/modes/preview" ? Promise.resolve({ days: [] }) : new Promise(() => {})),
  put: (path: string, body: Sent["body"]) =>
    new Promise<ModePlanInfo>((answer) =>
      sent.push({ path, body, answer: () => answer(path === "/modes/plan" ? { ...plan, modes: body.modes!, rules: body.rules! } : planWith(body.record)) }),
    ),
}));

let Modes: typeof import("./Modes").default;
beforeAll(async () => {
  Modes = (await import("./Modes")).default;
});
beforeEach(() => {
  sent.length = 0;
  plan = planWith("continuous");
  session.value = { user: { name: "Anna", role: "owner" } } as unknown as typeof session.value;
  now.value = { modes: ["home"], mode: "home", ahead: [], people: [], holds: [], lately: [], does: {}, looks_by: "", problem: "" } as unknown as ModesInfo;
});
afterEach(cleanup);

async function opened(): Promise<HTMLElement> {
  fireEvent.click(await screen.findByRole("button", { name: /^Gate in Home:/ }));
  return await screen.findByRole("dialog", { name: "Gate in Home" });
}

function choose(panel: HTMLElement, name: string): void {
  const button = [...panel.querySelectorAll("button")].find((one) => one.textContent === name);
  expect(button).toBeDefined();
  fireEvent.click(button!);
}

function close(panel: HTMLElement): void {
  fireEvent(panel, Object.assign(new Event("toggle"), { newState: "closed" }));
}

it("says in the page's language that a rule records", async () => {
  const rule = vi.spyOn(words.now as { rule: string }, "rule", "get").mockReturnValue("eine Regel");
  const hold = (camera: string, by: string) => ({ camera, what: "record", by, until_ms: null });
  now.value = { ...now.value!, holds: [hold("gate", "a rule"), hold("yard", "Garden")] } as unknown as ModesInfo;
  const { container } = render(<Modes />);
  await waitFor(() => expect([...container.querySelectorAll(".modes-holds p span")].map((one) => /\(.*\)/.exec(one.textContent!)?.[0])).toEqual(["(eine Regel)", "(Garden)"]));
  rule.mockRestore();
});

it("offers Undo for what was chosen, also where the panel is closed before the answer", async () => {
  render(<><Modes /><Toasts /></>);
  const panel = await opened();
  choose(panel, "Events");
  await waitFor(() => expect(sent).toHaveLength(1));
  close(panel);
  expect(screen.queryByText(t.actions.undo)).toBeNull();
  sent[0]!.answer();
  fireEvent.click(await screen.findByText(t.actions.undo));
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toMatchObject({ path: "/modes/plan", body: { modes: planWith("continuous").modes } });
});

it("takes back one panel's choice at a time, also where the next is opened before the answer", async () => {
  render(<><Modes /><Toasts /></>);
  const first = await opened();
  choose(first, "Events");
  await waitFor(() => expect(sent).toHaveLength(1));
  close(first);
  await waitFor(() => expect(screen.queryByRole("dialog", { name: "Gate in Home" })).toBeNull());
  const second = await opened();
  sent[0]!.answer();
  await screen.findByText(t.actions.undo);
  choose(second, "Always");
  await waitFor(() => expect(sent).toHaveLength(2));
  sent[1]!.answer();
  await waitFor(() => expect(second.querySelector("[aria-pressed=true]")?.textContent).toBe("Always"));
  close(second);
  await waitFor(() => expect(screen.getAllByText(t.actions.undo)).toHaveLength(2));
  fireEvent.click(screen.getAllByText(t.actions.undo).at(-1)!);
  await waitFor(() => expect(sent).toHaveLength(3));
  expect(sent[2]).toMatchObject({ path: "/modes/plan", body: { modes: planWith("events").modes } });
});

/** Opens the page with a person in the plan, and types how that person's phone is found. */
async function typed(): Promise<void> {
  plan = { ...plan, modes: { ...plan.modes, presence: { people: { anna: {} } } } };
  render(<><Modes /><Toasts /></>);
  typeInto(await phone("ping"), "10.0.0.5");
  await screen.findByText(words.save.save);
}
const phone = async (way: "ping" | "mac") => (await screen.findByLabelText(words.people[way])) as HTMLInputElement;
function typeInto(field: HTMLInputElement, value: string): void {
  fireEvent.input(field, { target: { value } });
  fireEvent.blur(field);
}
const anna = (body: Partial<ModePlanChange>) => body.modes?.presence?.people?.["anna"];

async function save(): Promise<void> {
  const button = screen.getByText(words.save.save) as HTMLButtonElement;
  await waitFor(() => expect(button.disabled).toBe(false));
  fireEvent.click(button);
}

it("keeps what is typed while a draft is saved, to be saved next", async () => {
  await typed();
  await save();
  await waitFor(() => expect(sent).toHaveLength(1));
  typeInto(await phone("mac"), "aa:bb");
  await waitFor(async () => expect((await phone("mac")).value).toBe("aa:bb"));
  sent[0]!.answer();
  await screen.findByText(words.save.saved);
  await save();
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent.map(({ body }) => anna(body))).toEqual([{ ping: ["10.0.0.5"] }, { ping: ["10.0.0.5"], mac: ["aa:bb"] }]);
});

it("keeps what is typed while a click is stored", async () => {
  await typed();
  fireEvent.click(screen.getByLabelText(new RegExp(words.people.automatic)));
  await waitFor(() => expect(sent).toHaveLength(1));
  typeInto(await phone("mac"), "aa:bb");
  await waitFor(async () => expect((await phone("mac")).value).toBe("aa:bb"));
  sent[0]!.answer();
  await waitFor(() => expect((screen.getByLabelText(new RegExp(words.people.automatic)) as HTMLInputElement).checked).toBe(false));
  expect([(await phone("ping")).value, (await phone("mac")).value]).toEqual(["10.0.0.5", "aa:bb"]);
});

it("asks before unsaved changes are left", async () => {
  go("/modes", { anyway: true });
  await typed();
  go("/events");
  fireEvent.click(await screen.findByText(leaving.stay));
  expect([path.value, (await phone("ping")).value]).toEqual(["/modes", "10.0.0.5"]);
});

it.each([[[], 1], [["mail"], 0]])("leads to the channels while there is none (%j)", async (notifiers, links) => {
  plan = { ...planWith("continuous"), notifiers };
  render(<Modes />);
  await screen.findByRole("button", { name: /^Gate in Home:/ });
  expect(screen.queryAllByRole("link", { name: words.cell.noChannels })).toHaveLength(links);
});
