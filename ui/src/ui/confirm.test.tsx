// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { ApiError } from "../api/client";
import type { MySignIn } from "../api/schema";
import { ConfirmSheet, change } from "./confirm";

afterEach(cleanup);

it("is asked once, however many parts of the page may ask", async () => {
  const now = { has_password: true, two_step: null } as unknown as MySignIn;
  const { rerender } = render(<><ConfirmSheet key="a" now={now} /><ConfirmSheet key="b" now={now} /></>);
  await change(() => Promise.reject(new ApiError(403, "confirm_first", "", "")));
  await waitFor(() => expect(screen.getAllByRole("dialog", { hidden: true })).toHaveLength(1));
  rerender(<ConfirmSheet key="b" now={now} />);
  await waitFor(() => expect(screen.getAllByRole("dialog", { hidden: true })).toHaveLength(1));
});
