// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { render as draw } from "preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../strings";
import { KeysDialog, showKeys } from "./KeysDialog";
import { Lazy, NotLoaded } from "./Lazy";
import { share, Sharing } from "./sharing";

const gone = vi.hoisted(() => () => {
  throw new Error("404");
});
vi.mock("./KeysHelp", gone);
vi.mock("./ShareSheet", gone);
HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};

const answers = vi.fn((_path: string, _init?: RequestInit) => Promise.resolve(new Response("{}")));
vi.stubGlobal("fetch", answers);

afterEach(cleanup);

function Screen() {
  return <p>its screen</p>;
}

it("shows a screen whose code came for another place between drawing and looking", async () => {
  let comes = () => {};
  const promise = new Promise<{ default: typeof Screen }>((resolve) => {
    comes = () => resolve({ default: Screen });
  });
  const load = () => promise;
  const page = <Lazy load={load} props={{}} waiting={() => <p>waiting</p>} />;
  render(page).unmount();
  const root = document.body.appendChild(document.createElement("div"));
  await act(async () => {
    draw(page, root);
    comes();
    await promise;
  });
  expect(screen.getByText("its screen")).toBeTruthy();
  draw(null, root);
});

it("says where it was wanted that its code could not be had, as after an update", async () => {
  showKeys.value = true;
  render(<KeysDialog />);
  const said = await screen.findByText(t.problems.screenDo);
  expect(said.closest("dialog")?.getAttribute("aria-label")).toBe(t.keys.title);
  showKeys.value = false;
});

it("says it in a sheet where a sheet was wanted, which can be closed", async () => {
  share({ camera: "yard", from_ms: 0, to_ms: 1000 });
  render(<Sharing />);
  const said = await screen.findByText(t.problems.screenDo);
  expect(said.closest("dialog")).toBeTruthy();
  fireEvent.click(screen.getByLabelText(t.actions.close));
  await waitFor(() => expect(document.querySelector("dialog")).toBeNull());
});

it("says that the recorder doesn't answer where that is the cause", async () => {
  answers.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  render(<NotLoaded />);
  await screen.findByText(t.problems.noConnectionDo);
});

it("asks also where browsers have no AbortSignal.timeout, such as iOS 15", async () => {
  const timeout = AbortSignal.timeout;
  Object.assign(AbortSignal, { timeout: undefined });
  answers.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  render(<NotLoaded />);
  await screen.findByText(t.problems.noConnectionDo);
  Object.assign(AbortSignal, { timeout });
});

it("waits 8 s for a recorder that says nothing", async () => {
  const signal = new AbortController();
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(signal.signal);
  answers.mockImplementationOnce((_, init) => new Promise((_done, fail) => init?.signal?.addEventListener("abort", fail)));
  render(<NotLoaded />);
  expect(timeout).toHaveBeenCalledWith(8000);
  signal.abort();
  await screen.findByText(t.problems.noConnectionDo);
  timeout.mockRestore();
});
