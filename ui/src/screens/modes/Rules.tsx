/** When something is so, what is done: each rule a card of a few choices. */
import type { ModePlanChange as PlanChange, ModePlanInfo as PlanInfo } from "../../api/schema";
import { cameraNamed, cameras } from "../../api/state";
import { modeName } from "../../ui/modeNames";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { RuleSnooze } from "../../ui/snoozes";
import { Several } from "./Beside";
import { modes as words } from "../../strings/modes";

const { rules: w } = words;
type Rule = PlanChange["rules"][number];
type When = NonNullable<Rule["when"]>;
const CHOICES = ["kind", "camera", "mode"] as const;
const LISTS = ["between", "zone", "recognized", "home", "away"] as const;

interface Props {
  draft: PlanChange;
  plan: PlanInfo;
  onChange: (draft: PlanChange) => void;
}

export function Rules({ draft, plan, onChange }: Props) {
  const { rules } = draft;
  const put = (next: Rule[]) => onChange({ ...draft, rules: next });
  const set = (index: number, rule: Rule) => put(rules.map((one, n) => (n === index ? rule : one)));
  const first = plan.notifiers[0];
  return (
    <section class="card" aria-labelledby="rules-title">
      <h2 id="rules-title">{w.title}</h2>
      <p class="small sub">{w.sub}</p>
      {rules.length === 0 && <p class="modes-none">{w.none}</p>}
      {rules.map((rule, index) => (
        <OneRule
          key={index}
          rule={rule}
          number={index + 1}
          isNew={index >= plan.rules.length}
          snoozable={keyOf(plan, rule)}
          modes={draft.modes.names}
          deeds={deedsOf(plan)}
          onChange={(changed) => set(index, changed)}
          onRemove={() => put(rules.filter((_, n) => n !== index))}
          onUp={index > 0 ? () => put(swapped(rules, index)) : null}
        />
      ))}
      <button
        type="button"
        class="btn week-add"
        onClick={() => put([...rules, { name: "", when: { kind: ["person"] }, do: [first ? `notify ${first}` : "notify everyone"] }])}
      >
        <Icon name="plus" small />
        {w.add}
      </button>
    </section>
  );
}

/** A rule that was changed and not saved is none that could be snoozed. */
function keyOf(plan: PlanInfo, rule: Rule): string {
  const said = JSON.stringify(rule);
  return plan.rule_keys[plan.rules.findIndex((one) => JSON.stringify(one) === said)] ?? "";
}

function swapped(rules: readonly Rule[], index: number): Rule[] {
  const next = [...rules];
  const [moved] = next.splice(index, 1);
  if (moved) next.splice(index - 1, 0, moved);
  return next;
}

function deedsOf(plan: PlanInfo): string[] {
  return [
    ...plan.notifiers.map((name) => `notify ${name}`),
    "notify everyone",
    "notify no one",
    ...plan.destinations.map((name) => `upload to ${name}`),
    "upload everywhere",
    "don't upload",
    "don't record",
    ...cameras.value.map((camera) => `record ${camera.id} 2 min`),
    "relay gate 2 s",
    "siren 30 s",
    "run lights.sh",
    "say Please leave",
  ];
}

function OneRule(props: {
  rule: Rule;
  number: number;
  isNew: boolean;
  /** By what snoozes know it; empty: it is not saved, or nothing of it can be snoozed. */
  snoozable: string;
  modes: readonly string[];
  deeds: readonly string[];
  onChange: (rule: Rule) => void;
  onRemove: () => void;
  onUp: (() => void) | null;
}) {
  const { rule, number, isNew, snoozable, modes, deeds, onChange, onRemove, onUp } = props;
  const when = rule.when ?? {};
  const put = (change: Partial<When>) => onChange({ ...rule, when: { ...when, ...change } });
  const options: Record<(typeof CHOICES)[number], [string, string][]> = {
    kind: Object.entries(t.kinds).map(([kind, said]) => [kind, said.one]),
    camera: cameras.value.map((camera) => [camera.id, camera.name]),
    mode: modes.map((mode) => [mode, modeName(mode)]),
  };
  const title = rule.name || w.name(number);
  return (
    <div class="modes-rule" role="group" aria-label={title}>
      {snoozable && <RuleSnooze rule={snoozable} name={title} />}
      <details open={isNew}>
      <summary>{ruleSentence(rule, number)}</summary>
      <div class="row">
        <input
          class="field grow modes-rule-name"
          aria-label={w.nameLabel}
          placeholder={w.name(number)}
          maxLength={60}
          value={rule.name ?? ""}
          onInput={(e) => onChange({ ...rule, name: e.currentTarget.value })}
        />
        {onUp && (
          <button type="button" class="btn ghost sq modes-up" aria-label={`${w.up}: ${title}`} onClick={onUp}>
            <Icon name="chevron-down" small />
          </button>
        )}
        <button type="button" class="btn ghost sq" aria-label={`${w.remove}: ${title}`} onClick={onRemove}>
          <Icon name="trash-2" small />
        </button>
      </div>
      <div class="modes-when">
        {CHOICES.map((key) => (
          <Choice
            key={key}
            label={w.fields[key] ?? key}
            chosen={when[key] ?? []}
            options={options[key]}
            onChange={(list) => put({ [key]: list })}
          />
        ))}
        {LISTS.map((key) => (
          <label key={key} class="modes-field small">
            <span>{w.fields[key]}</span>
            <Several list={when[key] ?? []} hint={w.hints[key] ?? ""} onChange={(list) => put({ [key]: list })} />
          </label>
        ))}
        <label class="modes-field small">
          <span>{w.fields.min_duration}</span>
          <input class="field" placeholder={w.hints.min_duration} value={when.min_duration ?? ""} onInput={(e) => put({ min_duration: e.currentTarget.value })} />
        </label>
      </div>
      <div class="modes-do">
        <span class="small sub">{w.do}</span>
        {rule.do.map((deed, index) => (
          <span key={index} class="modes-deed">
            <input
              class="field"
              aria-label={`${w.do} ${index + 1}`}
              list={`deeds-${number}`}
              value={deed}
              spellcheck={false}
              onInput={(e) => onChange({ ...rule, do: rule.do.map((one, n) => (n === index ? e.currentTarget.value : one)) })}
            />
            {rule.do.length > 1 && (
              <button
                type="button"
                class="btn ghost sq"
                aria-label={`${w.removeDeed}: ${deed}`}
                onClick={() => onChange({ ...rule, do: rule.do.filter((_, n) => n !== index) })}
              >
                <Icon name="x" small />
              </button>
            )}
          </span>
        ))}
        <button type="button" class="btn ghost" onClick={() => onChange({ ...rule, do: [...rule.do, "notify everyone"] })}>
          <Icon name="plus" small />
          {w.addDeed}
        </button>
        <datalist id={`deeds-${number}`}>
          {deeds.map((deed) => (
            <option key={deed} value={deed} />
          ))}
        </datalist>
      </div>
      </details>
    </div>
  );
}

/** `night watch: if person at Front door, away or night, then notify phone and record hall 2 min`. */
export function ruleSentence(rule: Rule, number: number): string {
  const when = rule.when ?? {};
  const or = (list: readonly string[] = []) => list.join(` ${w.or} `);
  const what = [or(when.kind?.map((kind) => t.kinds[kind as keyof typeof t.kinds]?.one ?? kind)), or(when.recognized)].filter(Boolean).join(", ");
  const parts = [
    what,
    when.camera?.length ? w.at(or(when.camera.map(cameraNamed))) : "",
    when.zone?.length ? w.zoned(or(when.zone)) : "",
    or(when.mode?.map(modeName)),
    or(when.between),
    when.home?.length ? w.homed(or(when.home.map(modeName))) : "",
    when.away?.length ? w.gone(or(when.away.map(modeName))) : "",
    when.min_duration ? w.lasts(when.min_duration) : "",
  ].filter(Boolean);
  return w.sentence(rule.name || w.name(number), parts.join(", ") || w.anything, rule.do.join(w.and));
}

/** Any, or some of a few. */
function Choice(props: {
  label: string;
  chosen: readonly string[];
  options: readonly (readonly [string, string])[];
  onChange: (list: string[]) => void;
}) {
  const { label, chosen, options, onChange } = props;
  const all = [...options, ...chosen.filter((one) => !options.some(([key]) => key === one)).map((one) => [one, one] as const)];
  return (
    <div class="modes-field modes-choice small" role="group" aria-label={label}>
      <span>{label}</span>
      <span class="modes-chips">
        {all.map(([key, name]) => {
          const on = chosen.includes(key);
          return (
            <button
              key={key}
              type="button"
              class={`tag modes-chip${on ? " on" : ""}`}
              aria-pressed={on}
              onClick={() => onChange(on ? chosen.filter((one) => one !== key) : [...chosen, key])}
            >
              {name}
            </button>
          );
        })}
        {chosen.length === 0 && <span class="muted">{w.any}</span>}
      </span>
    </div>
  );
}
