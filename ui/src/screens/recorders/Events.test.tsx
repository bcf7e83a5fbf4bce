// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, it, vi } from "vitest";
import type { FleetBox } from "../../api/types";
import { recorders as words } from "../../strings/recorders";
import { Events } from "./Events";

const found = vi.hoisted(() => ({ answer: null as unknown }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => found.answer,
}));

afterEach(cleanup);

const box = (online: boolean) => ({ id: "shed", name: "Shed", online, cameras: [] }) as unknown as FleetBox;
const event = { box: "shed", id: "e-1", camera: "gate", camera_name: "Gate", title: "Person", start_ms: 0, end_ms: null, snapshot: null, match: null };

it.each([[true, words.events.going], [false, words.events.lasted]])("says what is known of an event that lasts: online %s", async (online, text) => {
  found.answer = { events: [event], before_ms: null, next: null };
  render(<Events boxes={[box(online)]} />);
  await screen.findByText(new RegExp(`${text}$`));
});

it("says that a search may have more", async () => {
  found.answer = { events: [event], time: "", unknown: [], by_look: false, missing: [], more: true };
  const { container } = render(<Events boxes={[box(true)]} />);
  fireEvent.input(screen.getByLabelText(words.events.find), { target: { value: "person" } });
  fireEvent.submit(container.querySelector("form")!);
  await screen.findByText(words.events.narrow);
});
