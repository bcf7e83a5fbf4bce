/** Cameras and modes: what each records and notifies about. Arrow keys move, Enter opens, Shift fills. */
import { useEffect, useRef, useState } from "preact/hooks";
import { cameraPath, url } from "../../api/client";
import type { ModePlanInfo, ModeRow, ModesInfo } from "../../api/schema";
import { Icon } from "../../ui/Icon";
import { modeIcon, modeName } from "../../ui/modeNames";
import { modes as words } from "../../strings/modes";
import { type Choice, choiceOf, grouped, isRecorded, notifies, RECORD_ICONS } from "./cells";
import { startOf } from "./times";

const { table: w } = words;
const HEAD = -1;
const MOVES: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export interface At {
  row: number;
  column: number;
}

interface Props {
  plan: ModePlanInfo;
  now: ModesInfo;
  /** The columns shown: one on a phone. */
  modes: readonly string[];
  opened: { camera: string; mode: string } | null;
  onOpen: (row: ModeRow, mode: string, cell: HTMLElement) => void;
  onColumn: (mode: string, head: HTMLElement) => void;
  onSwitch: (mode: string) => void;
  onFill: (cameras: string[], modes: string[], choice: Choice) => void;
  onPlace: (row: ModeRow, group: "outside" | "inside") => void;
  onAdd: ((button: HTMLElement) => void) | null;
}

export function ModeTable(props: Props) {
  const { plan, now, modes, opened } = props;
  const groups = grouped(plan.rows);
  const rows = groups.flatMap((one) => one.rows);
  const table = useRef<HTMLTableElement>(null);
  const [focus, setFocus] = useState<At>({ row: 0, column: 0 });
  const [stroke, setStroke] = useState<{ from: At; to: At } | null>(null);
  const dragged = useRef(false);
  /** Where filling with Shift and arrow keys began: later cells may not have their new choice yet. */
  const begun = useRef<At | null>(null);
  const column = Math.min(focus.column, modes.length - 1);
  const at = (row: number, col: number) => table.current?.querySelector<HTMLElement>(`[data-at="${row},${col}"]`);
  const fill = (from: At, to: At) => {
    const origin = rows[from.row]?.cells[modes[from.column] ?? ""];
    if (!origin || from.row < 0 || to.row < 0) return;
    const [top, bottom] = [Math.min(from.row, to.row), Math.max(from.row, to.row)];
    const [left, right] = [Math.min(from.column, to.column), Math.max(from.column, to.column)];
    props.onFill(rows.slice(top, bottom + 1).map((row) => row.id), modes.slice(left, right + 1), choiceOf(origin));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey || !(event.target as HTMLElement).dataset["at"]) return;
    event.preventDefault();
    event.stopPropagation();
    const next = {
      row: Math.max(HEAD, Math.min(rows.length - 1, focus.row + move[0])),
      column: Math.max(0, Math.min(modes.length - 1, column + move[1])),
    };
    begun.current = event.shiftKey ? (begun.current ?? { ...focus, column }) : null;
    if (begun.current && next.row > HEAD && (next.row !== focus.row || next.column !== column)) fill(begun.current, next);
    setFocus(next);
    at(next.row, next.column)?.focus();
  };
  const cellUnder = (event: PointerEvent): At | null => {
    const found = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>("[data-at]")?.dataset["at"];
    const [row = -1, col = -1] = (found ?? "").split(",").map(Number);
    return found && row >= 0 ? { row, column: col } : null;
  };
  useEffect(() => {
    if (!stroke) return undefined;
    const move = (event: PointerEvent) => {
      const to = cellUnder(event);
      if (to && (to.row !== stroke.to.row || to.column !== stroke.to.column)) {
        dragged.current = true;
        setStroke({ ...stroke, to });
      }
    };
    const end = () => {
      setStroke(null);
      if (dragged.current) fill(stroke.from, stroke.to);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    return () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
    };
  });
  const isIn = (row: number, col: number) => {
    if (!stroke || !dragged.current) return false;
    const { from, to } = stroke;
    return (row - from.row) * (row - to.row) <= 0 && (col - from.column) * (col - to.column) <= 0;
  };
  let number = -1;
  return (
    <table ref={table} class="mode-table" aria-label={w.title} onKeyDown={onKeyDown} onKeyUp={(event) => event.key === "Shift" && (begun.current = null)}>
      <thead>
        <tr>
          <th scope="col">
            <span class="hidden">{w.camera}</span>
            <span id="mode-head-keys" hidden>
              {w.headKeys}
            </span>
          </th>
          {modes.map((mode, col) => (
            <th key={mode} scope="col" class={mode === now.mode ? "on" : ""}>
              <button
                type="button"
                class="mode-head"
                data-at={`${HEAD},${col}`}
                tabIndex={focus.row === HEAD && column === col ? 0 : -1}
                aria-haspopup="dialog"
                aria-describedby="mode-head-keys"
                onFocus={() => setFocus({ row: HEAD, column: col })}
                onKeyDown={(event) => {
                  if (event.key !== " ") return;
                  event.preventDefault();
                  props.onSwitch(mode);
                }}
                onKeyUp={(event) => event.key === " " && event.preventDefault()}
                onClick={(event) => props.onColumn(mode, event.currentTarget)}
              >
                <span class="row">
                  <Icon name={modeIcon(mode)} small />
                  <span class="mode-head-name">{modeName(mode)}</span>
                </span>
                <span class="small sub">{mode === now.mode ? w.onNow : startOf(mode, plan.modes)}</span>
              </button>
            </th>
          ))}
          {props.onAdd && (
            <td class="mode-add">
              <button type="button" class="btn ghost sq" aria-label={w.addMode} onClick={(event) => props.onAdd?.(event.currentTarget)}>
                <Icon name="plus" />
              </button>
            </td>
          )}
        </tr>
      </thead>
      {groups.map(({ group, rows: members }) => (
        <tbody key={group}>
          {(groups.length > 1 || group !== "") && (
            <tr class="mode-group">
              <th colSpan={modes.length + (props.onAdd ? 2 : 1)} scope="rowgroup">
                {w.groups[group] ?? group}
              </th>
            </tr>
          )}
          {members.map((row) => {
            number += 1;
            const index = number;
            return (
              <tr key={row.id}>
                <th scope="row">
                  <span class="mode-camera">
                    <span class="mode-image">
                      <Icon name={row.cells[now.mode]?.record === "private" ? "eye-off" : "image-off"} small />
                      <img alt="" loading="lazy" src={url(`${cameraPath(row.id)}/snapshot`, { width: 160 })} onError={(failed) => (failed.currentTarget.hidden = true)} />
                    </span>
                    <span>
                      {row.name}
                      {row.group === "" && <Where row={row} onPlace={props.onPlace} />}
                    </span>
                  </span>
                </th>
                {modes.map((mode, col) => {
                  const cell = row.cells[mode];
                  if (!cell) return <td key={mode} />;
                  const tells = notifies(row, cell);
                  const isOpen = opened?.camera === row.id && opened.mode === mode;
                  return (
                    <td key={mode} class={mode === now.mode ? "on" : ""}>
                      <button
                        type="button"
                        class={`mode-cell${isOpen || isIn(index, col) ? " pick" : ""}`}
                        data-at={`${index},${col}`}
                        tabIndex={focus.row === index && column === col ? 0 : -1}
                        aria-haspopup="dialog"
                        onFocus={() => setFocus({ row: index, column: col })}
                        onPointerDown={(event) => {
                          dragged.current = false;
                          if (event.pointerType !== "mouse" || event.button !== 0 || event.shiftKey) return;
                          setStroke({ from: { row: index, column: col }, to: { row: index, column: col } });
                        }}
                        onMouseDown={(event) => event.shiftKey && event.preventDefault()}
                        onClick={(event) => {
                          if (dragged.current && event.detail !== 0) return; // the end of a stroke, not a key
                          if (event.shiftKey) fill({ ...focus, column }, { row: index, column: col });
                          else props.onOpen(row, mode, event.currentTarget);
                        }}
                      >
                        <span class="hidden">{w.inMode(row.name, modeName(mode))}</span>
                        <span class={isRecorded(cell) ? "mode-rec" : "mode-quiet"}>
                          <Icon name={RECORD_ICONS[cell.record]} small />
                          {w.records[cell.record]}
                        </span>
                        <span class={`small ${tells.isQuiet ? "mode-quiet" : "mode-bell"}`}>
                          <Icon name={tells.icon} small />
                          {tells.words}
                        </span>
                      </button>
                    </td>
                  );
                })}
                {props.onAdd && <td />}
              </tr>
            );
          })}
        </tbody>
      ))}
    </table>
  );
}

/** Where a camera is that nobody said it of: modes treat outside and inside differently. */
function Where({ row, onPlace }: { row: ModeRow; onPlace: Props["onPlace"] }) {
  return (
    <span class="mode-where" role="group" aria-label={w.where(row.name)}>
      {(["outside", "inside"] as const).map((group) => (
        <button key={group} type="button" class="mode-where-button" onClick={() => onPlace(row, group)}>
          {w.groups[group]}
        </button>
      ))}
    </span>
  );
}
