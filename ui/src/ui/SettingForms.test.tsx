// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SettingsInfo } from "../api/schema";
import { single as words } from "../strings/settings-page";
import { SettingForms } from "./SettingForms";

const key = { at_start: false, choices: [], default: "", help: "", least: null, most: null, required: false };
const told: SettingsInfo = {
  file: "tawny.toml",
  instances: [{ path: "mqtt", table: "mqtt", written: { password: { line: 3, value: null }, host: { line: 2, value: "broker" } } }],
  tables: [{ about: "", path: "mqtt", keys: [{ ...key, key: "password", kind: "secret" }, { ...key, key: "host", kind: "text" }] }],
};
const saved: unknown[] = [];

beforeEach(() => {
  saved.length = 0;
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    if (init.method === "PUT") saved.push(JSON.parse(String(init.body)));
    const answer = init.method === "PUT" ? { instances: told.instances, restart: false } : address.endsWith("/settings") ? told : {};
    return Promise.resolve(new Response(JSON.stringify(answer)));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const submit = (field: HTMLElement) => fireEvent.submit(field.closest("form") as HTMLFormElement);

it.each(["password", "host"])("saves nothing when %s is submitted untouched", async (name) => {
  render(<SettingForms tables={() => true} />);
  submit(await screen.findByLabelText(`mqtt.${name}`));
  await Promise.resolve();
  expect(saved).toEqual([]);
});

it("takes a secret away with its button alone", async () => {
  render(<SettingForms tables={() => true} />);
  const field = await screen.findByLabelText("mqtt.password");
  for (const text of ["", " "]) {
    fireEvent.input(field, { target: { value: text } });
    submit(field);
  }
  expect(saved).toEqual([]);
  fireEvent.click(screen.getByText(words.undo));
  fireEvent.click(screen.getByLabelText(`${words.useDefault}: mqtt.password`));
  await waitFor(() => expect(saved).toEqual([{ path: "mqtt.password", value: null, before: null }]));
});
