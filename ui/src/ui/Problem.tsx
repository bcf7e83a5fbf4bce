import type { IconName } from "./icon-names";
import { Icon } from "./Icon";
import { ServerText } from "./ServerText";
import "./problem.css";

/** What happened, what to do, and the button that does it. Also says that something is empty, with another icon. */
export function Problem(props: {
  what: string;
  todo?: string;
  icon?: IconName;
  button?: string;
  onPress?: () => void;
  href?: string;
}) {
  return (
    <div class="problem" role={props.icon ? undefined : "alert"}>
      <span class="problem-icon">
        <Icon name={props.icon ?? "triangle-alert"} />
      </span>
      <p class="problem-what"><ServerText text={props.what} /></p>
      {props.todo && <p class="sub"><ServerText text={props.todo} /></p>}
      {props.button &&
        (props.href ? (
          <a class="btn" href={props.href}>
            {props.button}
          </a>
        ) : (
          <button type="button" class="btn" onClick={props.onPress}>
            {props.button}
          </button>
        ))}
    </div>
  );
}
