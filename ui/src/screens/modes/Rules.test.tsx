// @vitest-environment happy-dom
import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, describe, expect, it } from "vitest";
import type { ModePlanChange, ModePlanInfo } from "../../api/schema";
import { modes as words } from "../../strings/modes";
import { Rules, ruleSentence } from "./Rules";

afterEach(cleanup);

const when = { kind: ["person"], recognized: ["unknown"], include_possible: true, min_duration: "5 s" };
const plan: ModePlanInfo = {
  modes: { names: ["home", "away"] },
  rules: [{ name: "gate", when, do: ["notify phone"] }],
  rows: [],
  does: {},
  is_in_file: true,
  notifiers: ["phone"],
  destinations: ["nas"],
  rule_keys: ["gate"],
  version: "",
};

function edited(edit: (found: ReturnType<typeof render>) => void): ModePlanChange["rules"][number] | undefined {
  let last: ModePlanChange = { modes: plan.modes, rules: plan.rules };
  edit(render(<Rules draft={last} plan={plan} onChange={(draft) => (last = draft)} />));
  return last.rules[0];
}

it("is said as a sentence", () => {
  const rule = { name: "gate", when: { kind: ["person"], camera: ["yard"], mode: ["away", "night"], min_duration: "5 s" }, do: ["notify phone", "siren 30 s"] };
  expect(ruleSentence(rule, 1)).toBe("gate: if Person, at yard, Away or Night, for 5 s or more, then notify phone and siren 30 s.");
  expect(ruleSentence({ do: ["notify everyone"] }, 2)).toBe("Rule 2: if anything happens, then notify everyone.");
});

describe("a rule that is edited", () => {
  it("keeps what else it asks for", () => {
    const rule = edited((found) =>
      fireEvent.input(found.getByLabelText(words.rules.nameLabel), { target: { value: "yard" } }),
    );
    expect(rule).toEqual({ name: "yard", when, do: ["notify phone"] });
  });
  it("can ask for recognized plates and people", () => {
    const recognized = edited((found) =>
      fireEvent.input(found.getByLabelText(words.rules.fields.recognized ?? ""), { target: { value: "anna, plates" } }),
    );
    expect(recognized?.when?.recognized).toEqual(["anna", "plates"]);
  });
  it("offers actions in the words of the settings", () => {
    const { container } = render(<Rules draft={plan} plan={plan} onChange={() => {}} />);
    const offered = [...container.querySelectorAll("option")].map((option) => option.value);
    expect(offered).toEqual(
      expect.arrayContaining([
        "notify phone", "notify everyone", "notify no one", "upload to nas", "upload everywhere", "don't upload", "don't record",
      ]),
    );
  });
});
