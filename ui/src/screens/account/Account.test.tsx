// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { mine } from "../../strings/my-account";
import Account from "./Account";

const me = { has_password: false, can_have_passkeys: false, passkeys: [], two_step: null, sessions: [] };
const answers: Record<string, unknown> = {
  "/me/two-step": { secret: "ABCD", uri: "otpauth://x" },
  "/me/phone": { id: "1", link: "http://x", is_reachable: true },
};
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (path: string) => (path === "/me" ? Promise.resolve({ ...me }) : new Promise(() => {})),
  post: (path: string) => Promise.resolve(answers[path]),
  put: () => Promise.resolve({}),
}));
vi.mock("../../ui/QrCode", () => ({ QrCode: () => <i /> }));

const press = async (name: string) => {
  const button = await screen.findByRole("button", { name });
  button.focus();
  fireEvent.click(button);
};
const focused = () => document.activeElement;

beforeEach(() => void render(<Account />));
afterEach(cleanup);

it("goes to the field for the code when two-step codes are set up, and back when that is cancelled", async () => {
  await press(mine.twoStep.set);
  await waitFor(() => expect(focused()?.id).toBe("two-step-code"));
  await press(mine.cancel);
  await waitFor(() => expect(focused()?.textContent).toBe(mine.twoStep.set));
});

it("goes to the code for a phone, whose button goes away", async () => {
  await press(mine.phone.show);
  await waitFor(() => expect(focused()?.matches(".access-made")).toBe(true));
});

it("goes back to the button of the password once it is saved", async () => {
  await press(mine.password.set);
  const field = await screen.findByLabelText(mine.password.field);
  field.focus();
  fireEvent.submit(field.closest("form")!);
  await waitFor(() => expect(focused()?.textContent).toBe(mine.password.set));
});
