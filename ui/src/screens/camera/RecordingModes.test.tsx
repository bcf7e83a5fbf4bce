// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import type { RecordingInfo } from "../../api/types";
import { camera as page } from "../../strings/camera";
import { leaving } from "../../strings/leaving";
import { recording as words } from "../../strings/recording";
import { camera } from "../../testing/make";
import { go, path } from "../../ui/router";
import { RecordingModes } from "./RecordingModes";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
const info = { version: "v1", record: "continuous", pre_s: 5, post_s: 10, modes: {}, mode: "home", mode_names: ["home"], in_file: true, byte_rate: null } as unknown as RecordingInfo;
const asked = vi.hoisted(() => ({ answer: (_: unknown): void => {}, refuse: (_: unknown): void => {}, bodies: [] as object[], stored: {} }));

vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => ({ ...info, yesterday: { known: false }, ...asked.stored }),
  put: (_: string, body: object) =>
    new Promise((answer, refuse) => {
      asked.bodies.push(body);
      asked.answer = () => answer({ ...info, yesterday: { known: false }, ...body });
      asked.refuse = refuse;
    }),
}));

beforeEach(() => {
  go("/settings/cameras/gate/recording", { anyway: true });
  Object.assign(asked, { bodies: [], stored: {} });
});
afterEach(cleanup);

const seconds = async (label: string) => (await screen.findByLabelText(label)) as HTMLInputElement;
async function type(label: string, value: string): Promise<void> {
  fireEvent.input(await seconds(label), { target: { value } });
  await waitFor(async () => expect((await seconds(label)).value).toBe(value));
}

it("keeps what is changed while it is saved, unsaved", async () => {
  render(<RecordingModes camera={camera("gate")} />);
  await type(words.pre, "7");
  fireEvent.click(screen.getByText(words.save));
  await screen.findByText(words.saving);
  await type(words.post, "20");
  asked.answer(null);
  const save = (await screen.findByText(words.save)) as HTMLButtonElement;
  expect([(await seconds(words.pre)).value, (await seconds(words.post)).value, save.disabled]).toEqual(["7", "20", false]);
});

it("asks before unsaved changes are left", async () => {
  render(<RecordingModes camera={camera("gate")} />);
  await type(words.pre, "7");
  go("/events");
  fireEvent.click(await screen.findByText(leaving.stay));
  expect([path.value, (await seconds(words.pre)).value]).toEqual(["/settings/cameras/gate/recording", "7"]);
});

describe("what another owner has changed meanwhile", () => {
  beforeEach(async () => {
    render(<RecordingModes camera={camera("gate")} />);
    await type(words.pre, "7");
    fireEvent.click(screen.getByText(words.save));
    await screen.findByText(words.saving);
    asked.refuse(new ApiError(409, "changed", "This has been changed meanwhile.", "Reload, or overwrite it."));
    await screen.findByText("This has been changed meanwhile. Reload, or overwrite it.");
  });
  const shown = async () => [(await seconds(words.pre)).value, (await seconds(words.post)).value, screen.queryByRole("alert")];

  it("is refused by the version that was shown, and overwritten only when asked to", async () => {
    fireEvent.submit(screen.getByText(page.save.overwrite).closest("form") as HTMLFormElement); // Enter in a field
    await screen.findByText(words.saving);
    asked.refuse(new ApiError(409, "changed", "Once more.", ""));
    await screen.findByText("Once more.");
    fireEvent.click(screen.getByText(page.save.overwrite));
    await screen.findByText(words.saving);
    asked.answer(null);
    await screen.findByText(words.save);
    expect(asked.bodies.map((body) => (body as RecordingInfo).version)).toEqual(["v1", "v1", null]);
    expect([...(await shown()), screen.queryByText(page.save.reload)]).toEqual(["7", "10", null, null]);
  });

  it("is shown after Reload", async () => {
    asked.stored = { version: "v2", post_s: 60 };
    fireEvent.click(screen.getByText(page.save.reload));
    await screen.findByText(words.save);
    expect(await shown()).toEqual(["5", "60", null]);
  });
});
