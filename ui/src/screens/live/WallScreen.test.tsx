// @vitest-environment happy-dom
import { render, waitFor } from "@testing-library/preact";
import { expect, it, vi } from "vitest";

const { session } = await import("../../ui/session");
const { useNewPage } = await import("./WallScreen");

function Wall() {
  useNewPage();
  return <p>wall</p>;
}

it("loads the new page after an update", async () => {
  const reload = vi.spyOn(location, "reload").mockReturnValue();
  const now = { state: "signed-in", user: { id: "w", name: "Hall", role: "screen" }, version: "1.0.0" };
  session.value = now as never;
  render(<Wall />);
  for (const next of [{ ...now, zone: "UTC" }, null, now]) {
    session.value = next as never;
    await new Promise((done) => setTimeout(done));
  }
  expect(reload).not.toHaveBeenCalled();
  session.value = { ...now, version: "1.1.0" } as never;
  await waitFor(() => expect(reload).toHaveBeenCalledOnce());
});
