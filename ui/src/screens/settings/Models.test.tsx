// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { Models } from "./Models";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("keeps a model's address and checksum in a closed part", async () => {
  const offer = { name: "yolox", origin: "YOLOX", licence: "Apache-2.0", bytes: 1, address: "https://example.org/yolox.onnx", sha256: "0a1b" };
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: [], offer, trouble: "", suggests: "", again: null })));
  render(<Models />);
  for (const text of [offer.address, offer.sha256]) expect((await screen.findByText(text)).closest("details")?.open).toBe(false);
});
