// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { t } from "../../strings";
import { go } from "../../ui/router";
import SignIn from "./SignIn";

const post = vi.hoisted(() => vi.fn());
vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), post }));
beforeEach(() => go("/sign-in#link=abc"));
afterEach(() => {
  cleanup();
  post.mockReset();
});

it("offers to use a link again that didn’t get through", async () => {
  post.mockRejectedValue(new ApiError(0, "no_connection", t.problems.noConnection, ""));
  render(<SignIn />);
  const button = await screen.findByText(t.actions.tryAgain);
  post.mockReturnValue(new Promise(() => {}));
  fireEvent.click(button);
  await waitFor(() => expect(screen.queryByText(t.problems.noConnection)).toBeNull());
  expect(post).toHaveBeenLastCalledWith("/sign-in/link", { token: "abc" });
});

it("doesn’t offer to use a link again that was used", async () => {
  post.mockRejectedValue(new ApiError(410, "token_used", "This link was already used.", ""));
  render(<SignIn />);
  await screen.findByText("This link was already used.");
  expect(screen.queryByText(t.actions.tryAgain)).toBeNull();
});
