import { useState } from "preact/hooks";
import { Icon } from "./Icon";
import { account } from "../strings/account";

/** A password with a button that shows it. */
export function PasswordField(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  autocomplete: "current-password" | "new-password";
  describedBy?: string;
}) {
  const [shown, setShown] = useState(false);
  return (
    <div class="field">
      <label for="password">{props.label}</label>
      <div class="password">
        <input
          id="password"
          name="password"
          {...(shown ? { type: "text" as const } : { type: "password" as const })}
          value={props.value}
          autocomplete={props.autocomplete}
          autocapitalize="off"
          spellcheck={false}
          required
          aria-describedby={props.describedBy}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
        <button
          type="button"
          class="btn ghost"
          aria-label={shown ? account.hideLabel : account.showLabel}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? "eye-off" : "eye"} small />
          {shown ? account.hide : account.show}
        </button>
      </div>
    </div>
  );
}
