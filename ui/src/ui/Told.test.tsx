import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { Told } from "./Told";

afterEach(cleanup);

it("sets what is to be typed apart from what is said", () => {
  const { container } = render(<Told words="Lower `storage.keep.min`, or add a larger disk." />);
  expect(container.querySelector("code")?.textContent).toBe("storage.keep.min");
  expect(container.textContent).toBe("Lower storage.keep.min, or add a larger disk.");
});
