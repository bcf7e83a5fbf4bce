// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/preact";
import { render as draw } from "preact";
import { afterEach, expect, it } from "vitest";
import { Lazy } from "./Lazy";

afterEach(cleanup);

function Screen() {
  return <p>its screen</p>;
}

it("shows a screen whose code came for another place between drawing and looking", async () => {
  let comes = () => {};
  const promise = new Promise<{ default: typeof Screen }>((resolve) => {
    comes = () => resolve({ default: Screen });
  });
  const load = () => promise;
  const page = <Lazy load={load} props={{}} waiting={() => <p>waiting</p>} />;
  render(page).unmount();
  const root = document.body.appendChild(document.createElement("div"));
  await act(async () => {
    draw(page, root);
    comes();
    await promise;
  });
  expect(screen.getByText("its screen")).toBeTruthy();
  draw(null, root);
});
