// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
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

it("does it once, however often its button is pressed", async () => {
  const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(() => Promise.resolve(new Response("{}", { headers: { "Content-Type": "application/json" } })));
  const action = vi.fn().mockRejectedValueOnce(new ApiError(403, "confirm_first", "", "")).mockResolvedValue(undefined);
  const { container } = render(<ConfirmSheet now={{ has_password: true, two_step: null } as unknown as MySignIn} />);
  await change(action);
  const form = await waitFor(() => {
    const found = container.querySelector("form") ?? document.querySelector("form");
    expect(found).toBeTruthy();
    return found!;
  });
  fireEvent.submit(form);
  fireEvent.submit(form);
  await waitFor(() => expect(fetched).toHaveBeenCalledTimes(2));
  await waitFor(() => expect(action).toHaveBeenCalledTimes(2));
  await new Promise((later) => setTimeout(later, 20));
  expect(action).toHaveBeenCalledTimes(2);
});
