// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { health as told } from "../../api/state";
import { camera, health } from "../../testing/make";
import { CamerasPage } from "./Pages";

afterEach(cleanup);

it("leads from a camera of the list to its settings, by its name and by its button", () => {
  told.value = health([camera("front")]);
  const { container } = render(<CamerasPage />);
  const links = [...container.querySelectorAll(".camera-facts a")].map((link) => link.getAttribute("href"));
  expect(links).toEqual(["/settings/cameras/front/general", "/settings/cameras/front/general"]);
});
