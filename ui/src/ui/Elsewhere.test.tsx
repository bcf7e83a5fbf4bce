// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { Elsewhere } from "./Elsewhere";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it.each([
  ["192.168.1.9", "8000", "0.0.0.0:9000", "//192.168.1.9:9000/"],
  ["192.168.1.9", "8000", "[::]:9000", "//192.168.1.9:9000/"],
  ["192.168.1.9", "8000", "10.0.0.2:9000", "//10.0.0.2:9000/"],
  ["127.0.0.1", "8000", "127.0.0.1:9000", "//127.0.0.1:9000/"],
  ["192.168.1.9", "8000", "127.0.0.1:9000", undefined], // of the recorder's computer only
  ["cam.example.org", "", "0.0.0.0:9000", undefined], // behind a proxy
])("at %s:%s, a recorder that listens on %s next is at %s", (hostname, port, listens, href) => {
  vi.stubGlobal("location", { hostname, port });
  render(<Elsewhere text="moved" listens={listens} />);
  expect(screen.queryByRole("link")?.getAttribute("href")).toBe(href);
  expect(screen.queryByRole("link")?.classList.contains("more")).toBe(href && true); // looks like a link
});
