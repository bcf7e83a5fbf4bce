import { useSignal } from "@preact/signals";
import { post } from "../../api/client";
import type { KnownList, Read, TawnyEvent } from "../../api/types";
import { session } from "../../ui/session";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { NeededField, tryTo } from "../../ui/Access";
import { reads as words } from "../../strings/reads";

const PLATES = "plates";

/** What was read of an event's things; whoever is not known yet can be given a name by an owner. */
export function Reads({ event }: { event: TawnyEvent }) {
  return (
    <>
      {event.recognized.map((read) => (
        <One key={`${read.by} ${read.text} ${read.known}`} event={event} read={read} />
      ))}
    </>
  );
}

function One({ event, read }: { event: TawnyEvent; read: Read }) {
  const naming = useSignal(false);
  const name = useSignal("");
  const known = useSignal(read.known);
  const save = () =>
    tryTo(async () => {
      const said = name.value.trim();
      if (read.by === PLATES) await post<KnownList>("/known/plates", { name: said, plate: read.text });
      else await post<KnownList>("/known/faces", { name: said, by: read.by, event: event.id });
      known.value = said;
      naming.value = false;
      toast(words.known(said));
    });
  return (
    <>
      <dt>{read.by === PLATES ? words.plate : read.by}</dt>
      <dd>
        {[known.value, read.text].filter(Boolean).join(" · ") || words.somebody}
        {!known.value && !naming.value && session.value?.user?.role === "owner" && (
          <button type="button" class="btn ghost reads-name" onClick={() => (naming.value = true)}>
            <Icon name="user" small />
            {read.by === PLATES ? words.name : words.who}
          </button>
        )}
        {naming.value && (
          <form
            class="reads-form"
            onSubmit={(submit) => {
              submit.preventDefault();
              void save();
            }}
          >
            <NeededField label={words.field} value={name} most={60} />
            <button type="submit" class="btn pri">
              {words.save}
            </button>
          </form>
        )}
      </dd>
    </>
  );
}
