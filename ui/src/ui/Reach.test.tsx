// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { share as words } from "../strings/share";
import { Reach } from "./Reach";

afterEach(cleanup);

it.each([
  ["http://localhost:8000/s/x", true, words.unreachable],
  ["http://127.0.0.1:8000/s/x", true, words.unreachable],
  ["http://[::1]:8000/s/x", false, words.unreachable],
  ["http://192.168.1.20:8000/s/x", true, words.reach],
  ["https://cam.example.org/s/x", false, ""],
])("says of %s where it opens (home: %s)", (address, atHome, said) => {
  expect(render(<Reach address={address} atHome={atHome} />).container.textContent).toBe(said);
});
