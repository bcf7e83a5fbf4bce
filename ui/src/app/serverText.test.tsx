// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, describe, expect, it } from "vitest";
import { Refusal } from "../ui/Door";
import { Outcomes } from "../ui/Outcomes";
import { Steps } from "../screens/outside/Steps";
import { Problem } from "../ui/Problem";
import { plain, ServerText } from "../ui/ServerText";
import { Toasts, toast } from "../ui/toast";

afterEach(cleanup);

const TEXT = "Lower `storage.keep.min`, or run `tawny check`.";
const codes = (container: Element) => [...container.querySelectorAll("code")].map((code) => code.textContent);

describe("a text of the recorder", () => {
  it("shows what stands between backticks as code", () => {
    const { container } = render(<ServerText text={TEXT} />);
    expect(codes(container)).toEqual(["storage.keep.min", "tawny check"]);
    expect(container.textContent).toBe("Lower storage.keep.min, or run tawny check.");
  });
  it("keeps a backtick that stands alone, and text without any", () => {
    expect(render(<ServerText text="key ` missing" />).container.textContent).toBe("key ` missing");
    expect(render(<ServerText text="" />).container.textContent).toBe("");
  });
  it("has no backticks where code cannot be shown", () => expect(plain(TEXT)).toBe("Lower storage.keep.min, or run tawny check."));
  it.each([
    ["a problem", () => <Problem what={TEXT} todo={TEXT} />],
    ["a refusal", () => <Refusal what={TEXT} todo={TEXT} />],
    ["a test's step", () => <Steps steps={[{ what: "Connect", wrong: TEXT, hint: TEXT }]} />],
    ["an outcome", () => <Outcomes outcomes={[{ deed: "record", does: true, why: TEXT, went: TEXT, wait_ms: null }]} />],
  ])("is shown so in %s", (_, shown) => {
    const { container } = render(shown());
    expect(codes(container)).toHaveLength(4);
    expect(container.textContent).not.toContain("`");
  });
  it("is shown so in a toast", () => {
    const { container } = render(<Toasts />);
    toast(TEXT);
    return new Promise(requestAnimationFrame).then(() => expect(codes(container)).toHaveLength(2));
  });
});
