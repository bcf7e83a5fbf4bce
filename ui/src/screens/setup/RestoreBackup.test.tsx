// @vitest-environment happy-dom
import { fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { expect, it, vi } from "vitest";
import { account } from "../../strings/account";
import { RestoreBackup } from "./RestoreBackup";

const words = account.restore;

it("asks for another file with another key, and for the same one with the same: its answer may be lost", async () => {
  class Upload {
    status = 200;
    upload = {};
    onload = () => {};
    open() {}
    setRequestHeader() {}
    send() {
      this.onload();
    }
  }
  vi.stubGlobal("XMLHttpRequest", Upload);
  const keys: (string | null)[] = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    keys.push(new Headers(init.headers).get("Idempotency-Key"));
    throw new TypeError("reset");
  });
  render(<RestoreBackup token="t" onBack={() => {}} />);
  fireEvent.input(screen.getByLabelText(words.passphrase), { target: { value: "p" } });
  const first = new File(["1"], "1");
  for (const [n, file] of [first, first, new File(["2"], "2")].entries()) {
    const field = screen.getByLabelText(words.file);
    Object.defineProperty(field, "files", { value: [file], configurable: true });
    await waitFor(() => expect(screen.getByText<HTMLButtonElement>(words.go).disabled).toBe(false));
    fireEvent.submit(field.closest("form") as HTMLFormElement);
    await waitFor(() => expect(keys.length).toBe(n + 1));
  }
  expect([keys[1] === keys[0], keys[2] === keys[0]]).toEqual([true, false]);
  vi.unstubAllGlobals();
});
