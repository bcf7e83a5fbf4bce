import { useState } from "preact/hooks";
import { t } from "../../strings.en";
import { Icon } from "../../ui/Icon";

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
          aria-label={shown ? t.account.hideLabel : t.account.showLabel}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? "eye-off" : "eye"} small />
          {shown ? t.account.hide : t.account.show}
        </button>
      </div>
    </div>
  );
}
