// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { modes as words } from "../../strings/modes";
import { NewColumn } from "./ColumnPanel";

const w = words.column;
afterEach(cleanup);

it.each([["Отпуск", "Use the letters a–z and digits."], ["Home", w.taken], ["Away", undefined], [" ", undefined]])("says what is wrong with the name %s of a mode", (name, wrong) => {
  render(<NewColumn names={["home"]} anchor={document.body} onName={() => {}} onClose={() => {}} />);
  fireEvent.input(screen.getByLabelText(w.name), { target: { value: name } });
  expect(screen.queryByRole("status")?.textContent).toBe(wrong);
});
