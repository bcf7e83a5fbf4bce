// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../strings";

const said = { status: 503, code: "recorder_offline", message: "This recorder is offline.", todo: "It records." };

async function shown(within: string, error: object): Promise<string> {
  vi.resetModules();
  vi.doMock("../api/within", () => ({ within }));
  const { ApiError } = await import("../api/client");
  const { NoRecorder } = await import("./NoRecorder");
  render(<NoRecorder error={Object.assign(new ApiError(0, "", "", ""), said, error)} tryAgain={() => undefined} />);
  return `${document.body.textContent} ${screen.getByRole("button").textContent}`;
}

afterEach(cleanup);

it("says what the hub says of its recorder, and leads to the others", async () => {
  const text = await shown("/boxes/beach", {});
  expect(text).toContain("This recorder is offline.It records.");
  expect(text).toContain(t.nav.recorders);
});

it.each([
  ["the hub can't be reached", "/boxes/beach", { status: 0, code: "no_connection" }],
  ["a proxy answers", "/boxes/beach", { status: 502, code: "unknown" }],
  ["it is no hub's page", "", {}],
])("says that tawny can't be reached where %s", async (_, within, error) => {
  const text = await shown(within, error);
  expect(text).toContain(t.problems.noConnection);
  expect(text).toContain(t.actions.tryAgain);
});
