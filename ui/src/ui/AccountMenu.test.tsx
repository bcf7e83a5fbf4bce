// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";

const signOut = vi.hoisted(() => vi.fn());
vi.mock("./session", () => ({ session: { value: { user: { id: "v", name: "Vic", role: "viewer" } } }, signOut }));
const { AccountMenu } = await import("./AccountMenu");
const { useLeaving } = await import("./leaving");
const { Toasts } = await import("./toast");

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
let isChanged = false;

function Form() {
  return <>{useLeaving({ isChanged: () => isChanged }).sheet}</>;
}

beforeEach(() => {
  signOut.mockReset().mockResolvedValue(undefined);
  render(<><AccountMenu /><Form /><Toasts /></>);
});
afterEach(cleanup);
const press = () => fireEvent.click(screen.getByText("Sign out"));

it("says that the person is still signed in when signing out fails", async () => {
  isChanged = false;
  signOut.mockRejectedValue(new ApiError(0, "no_connection", "Can’t reach tawny.", "Try again."));
  press();
  expect(await screen.findByText("You’re still signed in. Can’t reach tawny. Try again.")).toBeTruthy();
});

it("asks about unsaved changes before it signs out, and stays", async () => {
  isChanged = true;
  press();
  fireEvent.click(await screen.findByText("Stay"));
  expect(signOut).not.toHaveBeenCalled();
});

it("signs out after that question", async () => {
  isChanged = true;
  press();
  expect(signOut).not.toHaveBeenCalled();
  fireEvent.click(await screen.findByText("Leave"));
  expect(signOut).toHaveBeenCalledOnce();
});
