// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { KindInfo } from "../../api/schema";
import { t } from "../../strings";
import { leaving } from "../../strings/leaving";
import { nameWrong } from "../../strings/name-wrong";
import { outside as words } from "../../strings/outside";
import { TargetSheet } from "./TargetSheet";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
const sent = vi.hoisted(() => [] as [string, unknown][]);
const kinds: KindInfo[] = [{ group: "notifiers", scheme: "ntfy", title: "Ntfy", about: "", shows: "", address: "ntfy://ntfy.sh", fields: [] }];
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (address: string) => Promise.resolve(address === "/targets" ? { items: [{ name: "ntfy" }] } : { items: kinds, kept: true }),
  put: (address: string, body: unknown) => Promise.resolve(void sent.push([address, body])),
}));
afterEach(cleanup);

async function add() {
  const onClose = vi.fn();
  render(<TargetSheet group="notifiers" target={null} onClose={onClose} onDone={() => Promise.resolve()} />);
  fireEvent.click(await screen.findByText("Ntfy"));
  return onClose;
}

it("adds a second one of a kind under a name of its own, and replaces none", async () => {
  await add();
  const name = screen.getByLabelText<HTMLInputElement>(words.name);
  expect(name.value).toBe("ntfy-2");
  await act(async () => void fireEvent.submit(name.form as HTMLFormElement));
  expect(sent).toMatchObject([["/targets/ntfy-2", { group: "notifiers", new: true }]]);
});

it("asks before what was typed is lost", async () => {
  const onClose = await add();
  fireEvent.input(screen.getByLabelText(words.name), { target: { value: "phone" } });
  fireEvent.click(screen.getAllByLabelText(t.actions.close)[0] as HTMLElement);
  expect(await screen.findByText(leaving.leave)).toBeTruthy();
  expect(onClose).not.toHaveBeenCalled();
  fireEvent.click(screen.getByText(leaving.go));
  expect(onClose).toHaveBeenCalledOnce();
});

it("says which letters a name can have when none of it can be kept", async () => {
  await add();
  fireEvent.input(screen.getByLabelText(words.name), { target: { value: "Почта" } });
  expect(screen.getByRole("status").textContent).toBe(nameWrong);
});
