/** What can be done with a mode: switch to it, rename, copy and delete it; or give a new one a name. */
import { useState } from "preact/hooks";
import { modes as words } from "../../strings/modes";
import { nameWrong } from "../../strings/name-wrong";
import { Icon } from "../../ui/Icon";
import { modeName } from "../../ui/modeNames";
import { modeId } from "./columns";
import { Panel } from "./Panel";

const { column: w } = words;

export function ColumnPanel(props: {
  mode: string;
  does: string;
  names: readonly string[];
  isOn: boolean;
  canCopy: boolean;
  anchor: HTMLElement;
  onSwitch: () => void;
  onRename: (name: string) => void;
  onCopy: () => void;
  onDelete: () => void;
  onClose: () => void;
}) {
  const { mode, names, anchor, onClose } = props;
  const and = (act: () => void) => () => {
    onClose();
    act();
  };
  return (
    <Panel title={modeName(mode)} anchor={anchor} onClose={onClose}>
      <p class="small sub modes-does">{props.does}</p>
      {!props.isOn && (
        <button type="button" class="btn pri" onClick={and(props.onSwitch)}>
          {w.switch(modeName(mode))}
        </button>
      )}
      <Name label={w.name} value={modeName(mode)} names={names.filter((one) => one !== mode)} button={w.rename} onName={(name) => and(() => props.onRename(name))()} />
      <div class="row">
        <button type="button" class="btn grow" disabled={!props.canCopy} onClick={and(props.onCopy)}>
          <Icon name="copy" small />
          {w.copy}
        </button>
        <button type="button" class="btn grow" disabled={names.length < 2} onClick={and(props.onDelete)}>
          <Icon name="trash-2" small />
          {w.delete}
        </button>
      </div>
    </Panel>
  );
}

export function NewColumn(props: { names: readonly string[]; anchor: HTMLElement; onName: (name: string) => void; onClose: () => void }) {
  return (
    <Panel title={words.table.addMode} anchor={props.anchor} onClose={props.onClose}>
      <Name
        label={w.name}
        value=""
        names={props.names}
        button={w.add}
        onName={(name) => {
          props.onClose();
          props.onName(name);
        }}
      />
    </Panel>
  );
}

function Name(props: { label: string; value: string; names: readonly string[]; button: string; onName: (name: string) => void }) {
  const [typed, setTyped] = useState(props.value);
  const id = modeId(typed);
  const isTaken = props.names.includes(id);
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (id && !isTaken && typed !== props.value) props.onName(id);
      }}
    >
      <input class="field grow" aria-label={props.label} placeholder={props.label} maxLength={20} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      <button type="submit" class="btn" disabled={!id || isTaken || typed === props.value}>
        {props.button}
      </button>
      {(isTaken || (typed.trim() && !id)) && <span class="small modes-wrong" role="status">{isTaken ? w.taken : nameWrong}</span>}
    </form>
  );
}
