/** What is done and what is not, and why: of a rehearsal, and of an event that was. */
import type { OutcomeInfo } from "../api/schema";
import { Icon } from "./Icon";
import { outcomes as words } from "../strings/outcomes";
import { ServerText } from "./ServerText";
import "./outcomes.css";

export function Outcomes({ outcomes }: { outcomes: readonly OutcomeInfo[] }) {
  const sorted = [...outcomes].sort((a, b) => Number(b.does) - Number(a.does));
  return (
    <ul class="outcomes">
      {sorted.map((one) => (
        <li key={one.deed} class={one.does ? "does" : ""}>
          <Icon name={one.does ? "check" : "minus"} small />
          <span class="grow">
            <b>
              <ServerText text={words.deed(one.deed)} />
              <span class="hidden">: {one.does ? words.yes : words.no}.</span>
            </b>
            <span class="small sub">
              <ServerText text={one.why} /> {one.went && <ServerText text={words.went(one.went)} />}
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}
