/** The standby of a recorder, and the recorders that it protects itself. */
import { Fragment } from "preact";
import type { FleetBox } from "../../api/types";
import { recorders as words } from "../../strings/recorders";

type Partners = FleetBox["standbys"];
const label = { own: words.standby, protected: words.protects };
const said = ({ side, name, state }: Partners[number]) => `${name}: ${words.standbys[side][state]}`;

/** As rows of a list of facts. */
export function Standbys({ all }: { all: Partners }) {
  return (
    <>
      {(["own", "protected"] as const)
        .filter((side) => all.some((one) => one.side === side))
        .map((side) => (
          <Fragment key={side}>
            <dt>{label[side]}</dt>
            <dd>
              {all
                .filter((one) => one.side === side)
                .map((one) => (
                  <span key={one.name} class={`rec-partner${one.state === "ready" ? "" : " rec-warn"}`}>
                    {said(one)}
                  </span>
                ))}
            </dd>
          </Fragment>
        ))}
    </>
  );
}

/** Those that are not as they should be. */
export function StandbyTrouble({ all }: { all: Partners }) {
  return (
    <>
      {all
        .filter(({ state }) => state !== "ready")
        .map((one) => (
          <p key={`${one.side} ${one.name}`} class="rec-warn small" data-partner={one.state}>
            {label[one.side]} {said(one)}
          </p>
        ))}
    </>
  );
}
