// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { health as told } from "../../api/state";
import { camera, health } from "../../testing/make";
import { session } from "../../ui/session";
import { CamerasPage } from "./Pages";

afterEach(() => {
  cleanup();
  session.value = null;
});

it.each([
  ["an owner", ["/settings/cameras/front/general", "/settings/cameras/front/general"]],
  ["a member", ["/live/front", "/settings/cameras/front"]],
])("leads %s from a camera of the list by its name and by its button to what they may see", (who, expected) => {
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: who.split(" ")[1] } } as never;
  told.value = health([camera("front")]);
  const { container } = render(<CamerasPage />);
  const links = [...container.querySelectorAll(".camera-facts a")].map((link) => link.getAttribute("href"));
  expect(links).toEqual(expected);
});
