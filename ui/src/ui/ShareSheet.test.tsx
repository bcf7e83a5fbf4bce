// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { share as words } from "../strings/share";
import { event } from "../testing/make";
import ShareSheet from "./ShareSheet";

const asked: Record<string, unknown>[] = [];

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
    asked.push(JSON.parse(String(init.body)) as Record<string, unknown>);
    return new Promise(() => {});
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const submit = () =>
  act(async () => {
    fireEvent.submit(screen.getByText(words.make).closest("form") as HTMLFormElement);
  });

it("makes one link, however often it is asked before the answer", async () => {
  render(<ShareSheet camera="porch" from_ms={1} to_ms={2} onClose={() => {}} />);
  await submit();
  await submit();
  expect(asked).toHaveLength(1);
  expect(screen.getByText<HTMLButtonElement>(words.make).closest("button")?.disabled).toBe(true);
});

it("makes no link without the code that was asked for", async () => {
  render(<ShareSheet camera="porch" from_ms={1} to_ms={2} onClose={() => {}} />);
  fireEvent.click(screen.getByLabelText(new RegExp(words.code)));
  const field = await screen.findByLabelText(words.codeLabel);
  for (const blank of ["       ", "  abc  "]) {
    fireEvent.input(field, { target: { value: blank } });
    await submit();
    expect(screen.getByText(words.codeShort)).toBeTruthy();
  }
  expect(asked).toEqual([]);
  fireEvent.input(field, { target: { value: " magpie " } });
  await submit();
  await waitFor(() => expect(asked).toMatchObject([{ code: "magpie" }]));
});

it("leaves it to the recorder how much of the time around an event belongs to its clip", async () => {
  const visit = event("visit", 60_000);
  render(<ShareSheet event={visit} camera="porch" from_ms={60_000} to_ms={65_000} onClose={() => {}} />);
  await submit();
  expect(asked).toMatchObject([{ event: "visit", from_ms: 60_000, to_ms: 65_000 }]);
});

it("says that the link of a page at localhost opens on this computer only", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ share: { ends_ms: 1 }, link: "http://localhost:8000/s/x", home_only: true })));
  render(<ShareSheet camera="porch" from_ms={1} to_ms={2} onClose={() => {}} />);
  await submit();
  expect(await screen.findByText(words.unreachable)).toBeTruthy();
  expect(screen.queryByText(words.reach)).toBeNull();
});
