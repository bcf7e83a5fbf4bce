// @vitest-environment happy-dom
import { cleanup, fireEvent, render, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { camera } from "../../testing/make";
import { FindCameras } from "../../ui/FindCameras";
import { ConnectionForm } from "./ConnectionForm";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const answer = { items: [], found: [], running: false, fixed: "Create one with `tawny init`." };

it("shows the command of the connection's reason as code", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(answer)));
  const { container } = render(<ConnectionForm camera={camera("front")} />);
  await waitFor(() => expect(container.querySelector("code")?.textContent).toBe("tawny init"));
});

it("shows the command of the search's reason as code", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(answer)));
  const { container } = render(<FindCameras />);
  fireEvent.click(container.querySelector("#find-title")!.closest(".row")!.querySelector("button")!);
  await waitFor(() => expect(container.querySelector("code")?.textContent).toBe("tawny init"));
});
