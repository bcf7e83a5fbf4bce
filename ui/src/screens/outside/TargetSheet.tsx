/** Adds a destination or a notifier, or changes one: choose a kind, fill it in, test it, save it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, put, remove } from "../../api/client";
import type { FieldInfo, KindInfo, KindList, StepInfo, TargetInfo, TargetList, TargetSettings, ConnectionTestInfo as Tried } from "../../api/schema";
import { plural } from "../../strings";
import { Icon } from "../../ui/Icon";
import { Sheet } from "../../ui/Sheet";
import { slug } from "../../ui/slug";
import { CameraTicks, focusOnce, tryTo } from "../../ui/Access";
import { useLeaving } from "../../ui/leaving";
import { addressOf, type Filled, freeName, ownSettings } from "./address";
import { type Group, type Option, options, read, shown, type Value } from "./options";
import { Steps } from "./Steps";
import { outside as words } from "../../strings/outside";
import { nameWrong } from "../../strings/name-wrong";
import { fromServer } from "../../strings/language";
import { plain, ServerText } from "../../ui/ServerText";
import "./outside.css";

interface Props {
  group: Group;
  /** What is changed; null: one is added. */
  target: TargetInfo | null;
  /** The kind to begin with, and what is filled in already. */
  start?: Start | null;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

const adding = { destinations: words.addDestination, files: words.addFiles, notifiers: words.addNotifier };

interface Start {
  scheme: string;
  filled: Filled;
}

/** Adds a notification channel, as the setup shows it. */
export function NewChannel(props: { start: Start | null; onClose: () => void; onDone: () => Promise<unknown> }) {
  return <TargetSheet group="notifiers" target={null} {...props} />;
}

export function TargetSheet({ group, target, start, onClose, onDone }: Props) {
  const [list, setList] = useState<KindList | null>(null);
  const [taken, setTaken] = useState<readonly string[]>([]);
  const [kind, setKind] = useState<KindInfo | null>(null);
  const isTyped = useRef(false);
  const leaving = useLeaving({ isChanged: () => isTyped.current, close: onClose });
  const [values, setValues] = useState<TargetSettings["values"] | null>(target ? null : {});
  useEffect(() => {
    void tryTo(async () => {
      const [told, { items }] = await Promise.all([get<KindList>("/targets/kinds"), get<TargetList>("/targets")]);
      setTaken(items.map((one) => one.name));
      setKind(told.items.find((one) => one.group === group && one.scheme === start?.scheme) ?? null);
      setList(told);
    });
    if (target) void tryTo(async () => setValues((await get<TargetSettings>(`/targets/${target.name}/settings`)).values));
  }, []);
  const kinds = list?.items.filter((one) => one.group === group) ?? [];
  const title = target ? words.change(target.name) : adding[group];
  return (
    <>
      <Sheet title={title} onClose={() => leaving.ask(onClose)} class="outside-sheet">
        {list && !list.kept && <p class="small muted">{words.notKept}</p>}
        {(target || kind) && values ? (
          <Form
            {...{ group, target, kind, values, kinds, taken, onClose, onDone }}
            first={kind?.scheme === start?.scheme ? start?.filled : undefined}
            onTyped={() => (isTyped.current = true)}
            onOther={() => ((isTyped.current = false), setKind(null))}
            onKind={setKind}
          />
        ) : (
          !target && list && <Kinds kinds={kinds} onChoose={setKind} />
        )}
      </Sheet>
      {leaving.sheet}
    </>
  );
}

function Kinds({ kinds, onChoose }: { kinds: readonly KindInfo[]; onChoose: (kind: KindInfo) => void }) {
  return (
    <ul class="outside-kinds">
      {kinds.map((kind, n) => (
        <li key={kind.scheme}>
          <button type="button" class="outside-kind" ref={n === 0 ? focusOnce : undefined} onClick={() => onChoose(kind)}>
            <b>{kind.title}</b>
            <span class="small sub"><ServerText text={fromServer(`${kind.about} ${kind.shows}`.trim())} /></span>
          </button>
        </li>
      ))}
    </ul>
  );
}

interface FormProps extends Omit<Props, "start"> {
  first: Filled | undefined;
  kind: KindInfo | null;
  kinds: readonly KindInfo[];
  /** The names that others have. */
  taken: readonly string[];
  values: TargetSettings["values"];
  onTyped: () => void;
  onOther: () => void;
  onKind: (kind: KindInfo) => void;
}

function Form({ group, target, first, kind, kinds, taken, values, onTyped, onOther, onKind, onClose, onDone }: FormProps) {
  const [name, setName] = useState(target?.name ?? freeName(kind?.scheme.replace(/\W.*/, "") ?? "", taken));
  const [filled, setFilled] = useState<Filled>(first ?? {});
  const [chosen, setChosen] = useState<Record<string, Value>>({});
  const [steps, setSteps] = useState<readonly StepInfo[] | "trying" | null>(null);
  const [isRemoving, setRemoving] = useState(false);
  const key = target?.name ?? slug(name);
  const asked = () => {
    const said: Record<string, Value | null> = {};
    for (const option of options[group]) {
      const value = chosen[option.key];
      if (value !== undefined) said[option.key] = read(option, value);
    }
    return { group, new: target === null, values: kind ? { ...said, ...(kind.address && { url: addressOf(kind, filled) }), ...ownSettings(kind.fields, filled) } : said };
  };
  const test = () => {
    setSteps("trying");
    void tryTo(async () => {
      try {
        const told = await post<Tried>(`/targets/${key}/try-out`, asked());
        setSteps(told.steps);
        if (told.write_only) setChosen((before) => ({ ...before, write_only: true }));
      } catch (reason) {
        setSteps(null);
        throw reason;
      }
    });
  };
  const finish = (act: () => Promise<unknown>) =>
    void tryTo(async () => {
      await act();
      await onDone();
      onClose();
    });
  return (
    <form
      class="outside-form"
      onInput={onTyped}
      onChange={onTyped}
      onSubmit={(event) => {
        event.preventDefault();
        finish(() => put(`/targets/${key}`, asked()));
      }}
    >
      {!target && <Text label={words.name} hint={words.nameHint} value={name} required focus onInput={setName} />}
      {name.trim() && !key && <p class="small outside-trouble" role="status">{nameWrong}</p>}
      {kind ? (
        <>
          <p class="small sub">
            <b>{kind.title}.</b> <ServerText text={fromServer(kind.shows || kind.about)} />
          </p>
          <div>
            <button type="button" class="btn" onClick={onOther}>
              {target ? words.keepAddress : words.otherKind}
            </button>
          </div>
          {kind.fields.map((field) => (
            <FieldOf
              key={field.key}
              field={field}
              value={filled[field.key] ?? ""}
              onInput={(value) => setFilled({ ...filled, [field.key]: value })}
            />
          ))}
        </>
      ) : (
        target && (
          <label class="outside-field">
            <span>{words.where}</span>
            <select
              value=""
              onChange={(event) => {
                const next = kinds.find((one) => one.scheme === event.currentTarget.value);
                if (next) onKind(next);
              }}
            >
              <option value="">{target.where}</option>
              {kinds.map((one) => (
                <option key={one.scheme} value={one.scheme}>
                  {words.otherAddress(one.title)}
                </option>
              ))}
            </select>
          </label>
        )
      )}
      <details class="outside-more" open={target !== null}>
        <summary>{words.more}</summary>
        <div class="outside-options">
          {options[group].map((option) => (
            <OptionOf
              key={option.key}
              option={option}
              value={chosen[option.key] ?? shown(option, values)}
              onChange={(value) => setChosen({ ...chosen, [option.key]: value })}
            />
          ))}
        </div>
      </details>
      {Array.isArray(steps) && <Steps steps={steps} />}
      <div class="row outside-foot">
        <button type="button" class="btn" disabled={steps === "trying" || key === ""} onClick={test}>
          {steps === "trying" ? words.testing : words.test}
        </button>
        <button type="submit" class="btn pri" disabled={key === ""}>
          {words.save}
        </button>
        {target && !isRemoving && (
          <button type="button" class="btn ghost" onClick={() => setRemoving(true)}>
            {words.remove}
          </button>
        )}
      </div>
      {target && isRemoving && (
        <div class="outside-remove" role="alert">
          <p>
            {words.removing(target.name)} {target.waiting > 0 && plural(target.waiting, words.wouldDrop)}
          </p>
          <button type="button" class="btn" onClick={() => finish(() => remove(`/targets/${target.name}`))}>
            <Icon name="x" small />
            {words.removeNow}
          </button>
        </div>
      )}
    </form>
  );
}

function FieldOf({ field, value, onInput }: { field: FieldInfo; value: string; onInput: (value: string) => void }) {
  return (
    <Text
      label={fromServer(field.label)}
      hint={plain(field.hint)}
      value={value}
      required={field.required}
      secret={field.secret}
      onInput={onInput}
    />
  );
}

function OptionOf({ option, value, onChange }: { option: Option; value: Value; onChange: (value: Value) => void }) {
  const { as } = option;
  if (as === "check")
    return (
      <label class="outside-check">
        <input type="checkbox" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />
        {option.label}
      </label>
    );
  if (as === "cameras") {
    const ids = Array.isArray(value) && value.length > 0 ? value.map(String) : null;
    return <CameraTicks chosen={ids} onChange={(next) => onChange(next ?? [])} />;
  }
  if (typeof as !== "string")
    return (
      <label class="outside-field">
        <span>{option.label}</span>
        <select value={String(value)} onChange={(event) => onChange(event.currentTarget.value)}>
          {as.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </label>
    );
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return <Text label={option.label} hint={option.hint ?? ""} value={text} onInput={onChange} />;
}

function Text(props: {
  label: string;
  hint: string;
  value: string;
  required?: boolean;
  secret?: boolean;
  focus?: boolean;
  onInput: (value: string) => void;
}) {
  const shared = {
    ref: props.focus ? focusOnce : undefined,
    placeholder: props.hint,
    required: props.required ?? false,
    value: props.value,
    onInput: (event: { currentTarget: HTMLInputElement }) => props.onInput(event.currentTarget.value),
  };
  return (
    <label class="outside-field">
      <span>{props.label}</span>
      {props.secret ? (
        <input type="password" autocomplete="new-password" {...shared} />
      ) : (
        <input type="text" autocomplete="off" {...shared} />
      )}
    </label>
  );
}
