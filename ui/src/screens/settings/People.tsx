import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, patch, post, remove } from "../../api/client";
import { cameras } from "../../api/state";
import type { Person } from "../../api/types";
import { session } from "../../ui/session";
import { people } from "../../strings/people";
import { share } from "../../strings/share";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { toast } from "../../ui/toast";
import { Address, CameraTicks, seen, tryTo } from "../../ui/Access";

const words = people;
type Role = Person["role"];
interface Invitation {
  link: string;
  home_only: boolean;
}

/** Who may come in, and see what. For owners. */
export function People() {
  const list = useSignal<readonly Person[]>([]);
  const adding = useSignal(false);
  const link = useSignal<{ name: string; address: string; home: boolean } | null>(null);
  const load = async () => {
    list.value = (await get<{ items: Person[] }>("/people")).items;
  };
  useEffect(() => void load(), []);
  const invited = (name: string, made: Invitation) => {
    link.value = { name, address: new URL(made.link, location.href).href, home: made.home_only };
    adding.value = false;
    void load();
  };
  return (
    <section class="card" aria-labelledby="people-title">
      <div class="row between">
        <h2 id="people-title">{words.title}</h2>
        <button type="button" class="btn" aria-expanded={adding.value} onClick={() => (adding.value = !adding.value)}>
          <Icon name="plus" small />
          {words.add}
        </button>
      </div>
      <p class="small sub">{words.sub}</p>
      {adding.value && <Invite onInvited={invited} />}
      {link.value && (
        <div class="setting access-made">
          <p class="sub">{words.link(link.value.name)}</p>
          <Address value={link.value.address} label={words.title} />
          {link.value.home && <p class="small muted">{share.reach}</p>}
        </div>
      )}
      {list.value.map((person) => (
        <OnePerson key={person.id} person={person} onChange={load} onInvited={invited} />
      ))}
    </section>
  );
}

function Invite({ onInvited }: { onInvited: (name: string, made: Invitation) => void }) {
  const name = useSignal("");
  const chosen = useSignal<string[] | null>(null);
  const role = useSignal<Role>("member");
  const submit = (event: Event) => {
    event.preventDefault();
    void tryTo(async () => {
      const asked = { name: name.value, role: role.value, cameras: chosen.value };
      const made = await post<{ person: Person } & Invitation>("/people", asked);
      onInvited(made.person.name, made);
    });
  };
  return (
    <form class="setting access-form" onSubmit={submit}>
      <input
        class="access-name"
        aria-label={words.name}
        placeholder={words.name}
        required
        maxLength={64}
        autofocus
        value={name.value}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      <RoleChoice role={role.value} onChange={(next) => (role.value = next)} />
      <CameraTicks chosen={chosen.value} onChange={(next) => (chosen.value = next)} />
      <button type="submit" class="btn pri">
        {words.invite}
      </button>
    </form>
  );
}

/** Owners are made by a command, on purpose. */
function RoleChoice({ role, onChange }: { role: Role; onChange: (next: Role) => void }) {
  const options = (["member", "viewer"] as const).map((value) => ({ value, label: words[value] }));
  return <Segmented label={words.role} value={role === "owner" ? "member" : role} options={options} onChange={onChange} />;
}

function OnePerson(props: {
  person: Person;
  onChange: () => Promise<void>;
  onInvited: (name: string, made: Invitation) => void;
}) {
  const { person } = props;
  const changing = useSignal(false);
  const isMe = session.value?.user?.id === person.id;
  const take = () =>
    tryTo(async () => {
      if (!confirm(words.sure(person.name))) return;
      await remove(`/people/${person.id}`);
      toast(words.removed(person.name));
      await props.onChange();
    });
  const again = () =>
    tryTo(async () => {
      const made = await post<Invitation>(`/people/${person.id}/link`);
      props.onInvited(person.name, made);
    });
  const change = (role: Role, chosen: readonly string[] | null) =>
    tryTo(async () => {
      await patch(`/people/${person.id}`, { role, cameras: chosen });
      await props.onChange();
    });
  return (
    <div class="setting access-one">
      <div class="grow">
        <b>{person.name}</b> {isMe && <span class="small muted">({words.you})</span>}
        <p class="small sub">
          {words[person.role]} · {words.sees.toLowerCase()} {seen(person.cameras, cameras.value)}
        </p>
        {changing.value && (
          <>
            <RoleChoice role={person.role} onChange={(next) => void change(next, person.cameras)} />
            <CameraTicks chosen={person.cameras} onChange={(next) => void change(person.role, next)} />
          </>
        )}
      </div>
      {person.role !== "owner" && (
        <button
          type="button"
          class="btn ghost"
          aria-expanded={changing.value}
          onClick={() => (changing.value = !changing.value)}
        >
          <Icon name="video" small />
          {words.sees}
        </button>
      )}
      {!isMe && (
        <>
          <button type="button" class="btn ghost" onClick={() => void again()}>
            {words.again}
          </button>
          <button type="button" class="btn ghost" onClick={() => void take()}>
            {words.remove}
          </button>
        </>
      )}
    </div>
  );
}
