/** One setting of a camera in tawny's own file, read and written by itself. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, put } from "../../api/client";
import type { SettingsInfo } from "../../api/schema";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";

export interface OwnSetting<Value> {
  /** null until it is known. */
  value: Value | null;
  isSaving: boolean;
  save: (wanted: Value) => Promise<void>;
}

/** usual: what counts where the file doesn't name it. */
export function useOwnSetting<Value extends string | boolean>(camera: string, key: string, usual: Value, saved: string): OwnSetting<Value> {
  const value = useSignal<Value | null>(null);
  const isWritten = useSignal(false);
  const isSaving = useSignal(false);
  const table = `cameras.${camera}`;
  useEffect(() => {
    get<SettingsInfo>("/settings").then((all) => {
      const written = all.instances.find((one) => one.path === table)?.written[key]?.value;
      isWritten.value = written !== undefined;
      value.value = typeof written === typeof usual ? (written as Value) : usual;
    }, () => {});
  }, [table, key]);
  const save = async (wanted: Value) => {
    isSaving.value = true;
    try {
      await put("/settings", { path: `${table}.${key}`, value: wanted, before: isWritten.value ? value.value : null });
      value.value = wanted;
      isWritten.value = true;
      toast(saved);
    } catch (reason) {
      toast(sentences(reason));
    }
    isSaving.value = false;
  };
  return { value: value.value, isSaving: isSaving.value, save };
}
