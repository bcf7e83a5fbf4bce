// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { ModeCell, ModeRow } from "../../api/schema";
import { CellPanel } from "./CellPanel";
import type { Choice } from "./cells";

vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), post: () => new Promise(() => {}) }));
afterEach(cleanup);

it("adds a second choice to the first, which has no answer yet", async () => {
  const cell: ModeCell = { record: "continuous", detection: true, notify: [], notify_by: "modes", channels: null } as unknown as ModeCell;
  const row = { id: "hall", name: "Hall", group: "", is_detecting: true, is_named: true, cells: { away: cell } } as unknown as ModeRow;
  const asked: { choice: Choice; answer: () => void }[] = [];
  const onChoose = (choice: Choice) => new Promise<void>((answer) => asked.push({ choice, answer }));
  render(<CellPanel row={row} mode="away" notifiers={[]} anchor={document.body} onChoose={onChoose} onClose={() => {}} />);
  await act(async () => void fireEvent.click(screen.getByText("People")));
  await act(async () => void fireEvent.click(screen.getByText("Animals")));
  expect(asked.map(({ choice }) => choice.notify)).toEqual([["person"]]);
  await act(async () => void asked[0]?.answer());
  await waitFor(() => expect(asked.map(({ choice }) => choice.notify)).toEqual([["person"], ["person", "animal"]]));
});

it("offers the only channel where the cell names another one", () => {
  const cell = { record: "continuous", detection: true, notify: ["person"], notify_by: "mode", channels: ["gone"] } as unknown as ModeCell;
  const row = { id: "hall", name: "Hall", group: "", is_detecting: true, is_named: true, cells: { away: cell } } as unknown as ModeRow;
  render(<CellPanel row={row} mode="away" notifiers={["mail"]} anchor={document.body} onChoose={async () => {}} onClose={() => {}} />);
  expect(screen.getByText("Mail").getAttribute("aria-pressed")).toBe("false");
});

it("offers what a camera notifies about that is off by its own setting, and adds to it", async () => {
  const cell = { record: "off", detection: true, notify: ["person"], notify_by: "camera", channels: null, may_detect: true } as unknown as ModeCell;
  const row = { id: "hall", name: "Hall", group: "", is_detecting: true, is_named: true, cells: { away: cell } } as unknown as ModeRow;
  const onChoose = vi.fn(async (_: Choice) => {});
  render(<CellPanel row={row} mode="away" notifiers={["mail"]} anchor={document.body} onChoose={onChoose} onClose={() => {}} />);
  await act(async () => void fireEvent.click(screen.getByText("Animals")));
  expect(onChoose.mock.calls[0]?.[0]).toMatchObject({ record: "off", notify: ["person", "animal"] });
});
