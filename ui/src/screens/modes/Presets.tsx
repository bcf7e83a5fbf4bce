/** Modes for common places. What would change is shown first. */
import { useState } from "preact/hooks";
import { get } from "../../api/client";
import type { ModePlanInfo, ModePresetInfo, ModePresetsInfo, ModeRow } from "../../api/schema";
import { tryTo } from "../../ui/Access";
import { modeName } from "../../ui/modeNames";
import { Sheet } from "../../ui/Sheet";
import { within } from "../../strings/language";
import { modes as words } from "../../strings/modes";
import { notifies } from "./cells";

const { presets: w, table: t } = words;

export function Presets({ plan, onUse }: { plan: ModePlanInfo; onUse: (preset: ModePresetInfo) => void }) {
  const [chosen, setChosen] = useState<ModePresetInfo | null>(null);
  const open = (id: string) =>
    void tryTo(async () => {
      const { presets } = await get<ModePresetsInfo>("/modes/presets");
      setChosen(presets.find((one) => one.id === id) ?? null);
    });
  return (
    <section aria-labelledby="presets-title">
      <div class="row wrap between modes-section">
        <h2 id="presets-title">{w.title}</h2>
        <span class="small sub">{w.sub}</span>
      </div>
      <ul class="modes-presets">
        {Object.entries(w.all).map(([id, { name, about }]) => (
          <li key={id}>
            <button type="button" class="card" onClick={() => open(id)}>
              <b>{name}</b>
              <span class="small sub">{about}</span>
            </button>
          </li>
        ))}
      </ul>
      {chosen && (
        <Difference
          plan={plan}
          preset={chosen}
          onClose={() => setChosen(null)}
          onUse={() => {
            setChosen(null);
            onUse(chosen);
          }}
        />
      )}
    </section>
  );
}

function Difference(props: { plan: ModePlanInfo; preset: ModePresetInfo; onClose: () => void; onUse: () => void }) {
  const { plan, preset, onClose, onUse } = props;
  const [before, after] = [plan.modes.names, preset.modes.names];
  const times = (modes: ModePlanInfo["modes"]) =>
    Object.entries(modes.schedule ?? {})
      .map(([mode, list]) => `${modeName(mode)} ${list.join(", ")}`)
      .join("; ");
  const lost = before.filter((mode) => !after.includes(mode));
  const rows = after.flatMap((mode) => changesOf(plan.rows, preset.rows, mode));
  const isSchedule = times(plan.modes) !== times(preset.modes);
  return (
    <Sheet title={w.all[preset.id]?.name ?? preset.id} onClose={onClose} class="modes-difference">
      {before.join() !== after.join() && <p>{w.modes(after.map(modeName).join(", "))}</p>}
      {lost.length > 0 && <p class="modes-wrong">{w.lost(lost.map(modeName).join(", "))}</p>}
      {isSchedule && <p>{w.schedule(times(preset.modes) || w.noSchedule)}</p>}
      {rows.length > 0 && (
        <div class="modes-difference-rows">
          <table class="mode-diff">
            <thead>
              <tr>
                <th scope="col">{w.mode}</th>
                <th scope="col">{t.camera}</th>
                <th scope="col">{w.before}</th>
                <th scope="col">{w.after}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((one) => (
                <tr key={`${one.mode} ${one.camera}`}>
                  <td>{modeName(one.mode)}</td>
                  <th scope="row">{one.camera}</th>
                  <td class="sub">{one.before}</td>
                  <td>{one.after}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length === 0 && !isSchedule && before.join() === after.join() && <p class="sub">{w.none}</p>}
      {plan.rows.some((row) => row.group === "") && preset.id !== "same" && <p class="small sub">{w.unsorted}</p>}
      <div class="row">
        <button type="button" class="btn grow" onClick={onClose}>
          {w.cancel}
        </button>
        <button type="button" class="btn pri grow" onClick={onUse}>
          {w.use}
        </button>
      </div>
    </Sheet>
  );
}

function changesOf(before: readonly ModeRow[], after: readonly ModeRow[], mode: string) {
  return after.flatMap((row) => {
    const old = before.find((one) => one.id === row.id);
    const text = (one: ModeRow | undefined) => {
      const cell = one?.cells[mode];
      return one && cell ? `${t.records[cell.record]}, ${within(notifies(one, cell).words)}` : w.new;
    };
    return text(old) === text(row) ? [] : [{ mode, camera: row.name, before: text(old), after: text(row) }];
  });
}
