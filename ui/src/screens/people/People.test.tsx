// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { PersonInfo } from "../../api/schema";
import { health as told } from "../../api/state";
import type { Session } from "../../api/types";
import { t } from "../../strings";
import { mine } from "../../strings/my-account";
import { people as words } from "../../strings/people";
import { share } from "../../strings/share";
import { camera, health } from "../../testing/make";
import { session } from "../../ui/session";
import { zone } from "../../ui/times";
import { withTicks } from "../../ui/Access";
import People from "./People";

type Body = Partial<PersonInfo>;
const sent: { method: string; body: Body; answer: (refusal?: boolean) => Promise<void> }[] = [];
let person: PersonInfo;

const json = (what: unknown, status = 200) => new Response(JSON.stringify(what), { status });

/** Questions are answered at once, orders when the test says so. */
function recorder(address: string, init: RequestInit): Promise<Response> {
  if (init.method === "GET") return Promise.resolve(json(address.endsWith("/people") ? { items: [person], requires_second_step: false } : { items: [] }));
  const body = JSON.parse(String(init.body)) as Body;
  return new Promise((resolve) =>
    sent.push({
      method: String(init.method),
      body,
      answer: (refusal = false) =>
        act(async () => {
          if (!refusal) person = { ...person, ...body };
          resolve(refusal ? json({ code: "no", message: "No.", hint: "" }, 409) : json(person));
        }),
    }),
  );
}

beforeEach(async () => {
  for (const one of sent.splice(0)) await one.answer(); // the next change waits for it
  person = { id: "ben", name: "Ben", role: "viewer", cameras: ["front", "yard"], ends_ms: null, linked: "" };
  told.value = health([camera("front"), camera("yard")]);
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: "owner" } } as unknown as Session;
  vi.stubGlobal("fetch", recorder);
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function edit() {
  render(<People />);
  fireEvent.click(await screen.findByLabelText(`${words.change}: Ben`));
}
const tick = (name: string) => screen.getByLabelText<HTMLInputElement>(name);
const press = (node: HTMLElement) =>
  act(async () => {
    fireEvent.click(node);
  });

it("takes both cameras away, however slow the recorder answers", async () => {
  await edit();
  await press(tick("Front"));
  await press(tick("Yard"));
  expect([tick("Front").checked, tick("Yard").checked]).toEqual([false, false]);
  await waitFor(() => expect(sent).toHaveLength(1));
  await sent[0]?.answer();
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]?.body.cameras).toEqual([]);
  await sent[1]?.answer();
  expect([tick("Front").checked, tick("Yard").checked]).toEqual([false, false]);
});

it("keeps the role that was chosen just before a camera", async () => {
  await edit();
  await press(screen.getByText(words.member));
  await press(tick("Front"));
  await waitFor(() => expect(sent).toHaveLength(1));
  await sent[0]?.answer();
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent.map(({ body }) => body)).toEqual([{ role: "member" }, { role: "member", cameras: ["yard"] }]);
});

it("gives nothing back that another owner has taken away meanwhile", async () => {
  await edit();
  fireEvent.input(screen.getByLabelText(words.linked), { target: { value: "half-typ" } });
  person = { ...person, role: "member", cameras: ["yard"] };
  await press(tick("Front"));
  await waitFor(() => expect(sent).toHaveLength(1));
  await sent[0]?.answer();
  await press(screen.getByText(words.saveEnd));
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent.map(({ body }) => body)).toEqual([{ role: "member", cameras: ["yard"] }, { role: "member", linked: "half-typ" }]);
});

it("changes the cameras that the recorder has by what was ticked", () => {
  expect(withTicks(["yard", "gate"], ["front", "yard"], ["front"])).toEqual(["gate"]);
  expect(withTicks(["yard"], ["front", "yard"], ["front", "yard", "gate"])).toEqual(["yard", "gate"]);
  expect(withTicks(["yard"], null, ["front", "yard"])).toEqual(["yard"]);
  expect(withTicks(null, ["front", "yard"], ["front"])).toEqual(["front"]);
  expect(withTicks(["yard"], ["front"], null)).toBeNull();
});

it("shows what the recorder has after it refused", async () => {
  await edit();
  await press(tick("Front"));
  await waitFor(() => expect(sent).toHaveLength(1));
  await sent[0]?.answer(true);
  await waitFor(() => expect(tick("Front").checked).toBe(true));
});

it("invites once, however often the button is pressed", async () => {
  render(<People />);
  fireEvent.click(screen.getByText(words.add));
  const form = screen.getByLabelText(words.name).closest("form") as HTMLFormElement;
  for (let n = 0; n < 2; n += 1)
    await act(async () => {
      fireEvent.submit(form);
    });
  expect(sent).toHaveLength(1);
});

it("reads and shows a guest's end by the recorder's clock", async () => {
  zone.value = "Asia/Tokyo";
  person = { ...person, role: "guest", ends_ms: Date.UTC(2026, 10, 20, 3, 30) };
  await edit();
  const field = screen.getByLabelText<HTMLInputElement>(new RegExp(words.until));
  expect(field.value).toBe("2026-11-20T12:30");
  fireEvent.input(field, { target: { value: "2026-11-21T08:00" } });
  await press(screen.getByText(words.saveEnd));
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.body.ends_ms).toBe(Date.UTC(2026, 10, 20, 23, 0));
});

it("updates the line next to it when a person is invited", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    asked.push(address);
    return init.method === "POST" ? Promise.resolve(json({ person, link: "/sign-in#link=x", screen_code: "", home_only: false })) : recorder(address, init);
  });
  const lines = () => asked.filter((address) => address.endsWith("/settings/sections")).length;
  render(<People />);
  await press(await screen.findByText(words.add));
  const before = lines();
  fireEvent.input(screen.getByLabelText(words.name), { target: { value: "Vic" } });
  await press(screen.getByText(words.invite));
  await waitFor(() => expect(lines()).toBe(before + 1));
});

it("doesn't say that two-step codes are off where it could not ask", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("away")));
  render(<People />);
  await waitFor(() => expect(screen.getAllByText(t.problems.noConnection)).toHaveLength(2));
  expect(screen.queryByText(words.secondStep)).toBe(null);
});

it("asks for the password before it makes a link for an owner", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    asked.push(`${init.method} ${address}`);
    if (address.endsWith("/me")) return Promise.resolve(json({ has_password: true, two_step: null }));
    if (address.endsWith("/confirm")) return Promise.resolve(json({}));
    if (!address.endsWith("/link")) return recorder(address, init);
    const isFirst = !asked.some((one) => one.endsWith("/confirm"));
    return Promise.resolve(isFirst ? json({ code: "confirm_first", message: "Confirm.", hint: "" }, 403) : json({ person, link: "/sign-in#link=x", screen_code: "", home_only: false }));
  });
  render(<People />);
  await press(await screen.findByLabelText(`${words.again}: Ben`));
  fireEvent.input(await screen.findByLabelText(mine.confirm.password), { target: { value: "secret" } });
  await press(screen.getByText(mine.confirm.go));
  await waitFor(() => expect(asked.filter((one) => one.endsWith("/people/ben/link"))).toHaveLength(2));
});

it("says that an invitation made at localhost opens on this computer only", async () => {
  const made = { person, link: "http://localhost:8000/sign-in#link=x", screen_code: "", home_only: true };
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => (init.method === "POST" ? Promise.resolve(json(made)) : recorder(address, init)));
  render(<People />);
  await press(await screen.findByLabelText(`${words.again}: Ben`));
  expect(await screen.findByText(share.unreachable)).toBeTruthy();
});
