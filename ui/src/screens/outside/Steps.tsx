import type { StepInfo } from "../../api/schema";
import { Icon } from "../../ui/Icon";

/** What a test did, up to what is wrong, and what to do about it. */
export function Steps({ steps }: { steps: readonly StepInfo[] }) {
  return (
    <ul class="outside-steps" role="status">
      {steps.map((step) => (
        <li key={step.what} class={step.wrong ? "is-wrong" : ""}>
          <Icon name={step.wrong ? "x" : "check"} small />
          <span>
            <b>{step.what}</b>
            {step.wrong && `: ${step.wrong} ${step.do}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
