import type { StepInfo } from "../../api/schema";
import { Icon } from "../../ui/Icon";
import { ServerText } from "../../ui/ServerText";

/** What a test did, up to what is wrong, and what to do about it. */
export function Steps({ steps }: { steps: readonly StepInfo[] }) {
  return (
    <div role="status">
      <ul class="outside-steps">
        {steps.map((step) => (
          <li key={step.what} class={step.wrong ? "is-wrong" : ""}>
            <Icon name={step.wrong ? "x" : "check"} small />
            <span>
              <b>
                <ServerText text={step.what} />
              </b>
              {step.wrong && <ServerText text={`: ${step.wrong} ${step.hint}`} />}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
