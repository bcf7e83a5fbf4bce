// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { account } from "../../strings/account";
import { RestoreBackup } from "./RestoreBackup";

const words = account.restore;
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

class Upload {
  status = 200;
  response = { upload: "u" };
  upload = {};
  onload = () => {};
  open() {}
  setRequestHeader() {}
  send() {
    this.onload();
  }
}

it("asks for another file with another key, and for the same one with the same: its answer may be lost", async () => {
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
});

it("names the upload that it means, and sends the file again once another one came", async () => {
  let sent = 0;
  vi.stubGlobal(
    "XMLHttpRequest",
    class extends Upload {
      override send() {
        this.response = { upload: `u${++sent}` };
        this.onload();
      }
    },
  );
  const meant: string[] = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    meant.push((JSON.parse(init.body as string) as { upload: string }).upload);
    return Response.json({ code: "upload_changed", message: "Another one.", hint: "" }, { status: 409 });
  });
  render(<RestoreBackup token="t" onBack={() => {}} />);
  fireEvent.input(screen.getByLabelText(words.passphrase), { target: { value: "p" } });
  const field = screen.getByLabelText(words.file);
  Object.defineProperty(field, "files", { value: [new File(["1"], "1")] });
  for (const n of [1, 2]) {
    await waitFor(() => expect(screen.getByText<HTMLButtonElement>(words.go).disabled).toBe(false));
    fireEvent.submit(field.closest("form") as HTMLFormElement);
    await waitFor(() => expect(meant.length).toBe(n));
  }
  expect(meant).toEqual(["u1", "u2"]);
});

it("links to where the pages are next, as those here don't come back", async () => {
  vi.stubGlobal("XMLHttpRequest", Upload);
  vi.stubGlobal("fetch", async () => Response.json({ saved: "/f", restarts: true, listens: "10.0.0.2:9000" }));
  render(<RestoreBackup token="t" onBack={() => {}} />);
  fireEvent.input(screen.getByLabelText(words.passphrase), { target: { value: "p" } });
  const field = screen.getByLabelText(words.file);
  Object.defineProperty(field, "files", { value: [new File(["1"], "1")] });
  await waitFor(() => expect(screen.getByText<HTMLButtonElement>(words.go).disabled).toBe(false));
  fireEvent.submit(field.closest("form") as HTMLFormElement);
  expect((await screen.findByRole("link")).getAttribute("href")).toBe("//10.0.0.2:9000/");
});
