// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { addCamera as words } from "../../strings/add-camera";
import { leaving } from "../../strings/leaving";
import { go, path, startRouter } from "../../ui/router";
import { session } from "../../ui/session";
import AddCamera, { CameraAdder } from "./AddCamera";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
let stop = () => {};

afterEach(() => {
  cleanup();
  stop();
  vi.unstubAllGlobals();
});

async function chooseAddress() {
  fireEvent.input(await screen.findByLabelText(words.address.label), { target: { value: "rtsp://192.0.2.7/1" } });
  fireEvent.click(screen.getByText(words.address.go));
  await screen.findByLabelText(words.login.user);
}

function begin(page: Parameters<typeof render>[0]) {
  session.value = { state: "signed-in", user: { name: "Ada", role: "owner" } } as never;
  vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"items":[]}')));
  go("/setup/storage", { anyway: true });
  go("/setup/cameras", { anyway: true });
  stop = startRouter();
  render(page);
}

/** The browser's back button. */
function back() {
  return act(() => {
    history.replaceState(null, "", "/setup/storage");
    dispatchEvent(new PopStateEvent("popstate"));
  });
}

it("asks before a sign-in that was typed is lost by the back button, in the setup too, and shows the search again", async () => {
  begin(<CameraAdder onAdded={() => {}} />);
  await chooseAddress();
  fireEvent.input(screen.getByLabelText(words.login.user), { target: { value: "admin" } });
  await back();
  fireEvent.click(await screen.findByText(leaving.go));
  expect(await screen.findByLabelText(words.address.label)).toBeTruthy();
  expect(path.value).toBe("/setup/cameras");
});

it("shows the search again by the back button, then leaves the page without a question", async () => {
  begin(<AddCamera />);
  await chooseAddress();
  await back();
  await screen.findByLabelText(words.address.label);
  await back();
  expect([path.value, screen.queryByText(leaving.go)]).toEqual(["/setup/storage", null]);
});
