import { signal } from "@preact/signals";
import { t } from "../strings";
import { Lazy } from "./Lazy";
import { Sheet } from "./Sheet";

export const showKeys = signal(false);
const help = () => import("./KeysHelp");

export function KeysDialog() {
  if (!showKeys.value) return null;
  return (
    <Sheet title={t.keys.title} onClose={() => (showKeys.value = false)}>
      <Lazy load={help} props={{}} />
    </Sheet>
  );
}
