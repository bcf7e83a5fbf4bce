/** Who can sign in, what they see, and who did. For owners. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, patch, post, put, remove } from "../../api/client";
import { cameras, serverNow } from "../../api/state";
import type { Invited, MySignIn, People as PeopleList, PersonInfo } from "../../api/schema";
import { plural } from "../../strings";
import { settings } from "../../strings/settings";
import { people as words } from "../../strings/people";
import { ConfirmSheet, change } from "../../ui/confirm";
import { Address, CameraTicks, focusOnce, seen, tryTo, withTicks } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { useLeaving } from "../../ui/leaving";
import { Page } from "../../ui/Page";
import { QrCode } from "../../ui/QrCode";
import { Reach } from "../../ui/Reach";
import { Segmented } from "../../ui/Segmented";
import { loadLines } from "../../ui/sectionLines";
import { session } from "../../ui/session";
import { fieldInstant, fieldTime } from "../../ui/timeFields";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { useLoading } from "../../ui/useLoading";
import { AccessLog } from "./AccessLog";
import "../../ui/door.css";
import "../../ui/settings.css";

type Role = PersonInfo["role"];
type Order = (now: PersonInfo) => Partial<PersonInfo>;
type Chosen = Exclude<Role, "owner" | "screen">;
const DAY_MS = 86_400_000;

export default function People() {
  if (session.value?.user?.role !== "owner")
    return (
      <Page title={words.title} back="/settings">
        <p class="muted">{words.ownerOnly}</p>
      </Page>
    );
  return (
    <Page title={words.title} class="settings" back="/settings">
      <div class="settings-in">
        <Everyone />
        <AccessLog />
      </div>
    </Page>
  );
}

function Everyone() {
  const list = useSignal<readonly PersonInfo[] | null>(null);
  const adding = useSignal<"person" | "screen" | null>(null);
  const invited = useSignal<Invited | null>(null);
  const required = useSignal(false);
  const me = useSignal<MySignIn | null>(null);
  const load = async () => {
    loadLines();
    const told = await get<PeopleList>("/people");
    list.value = told.items;
    required.value = told.requires_second_step;
    return told.items;
  };
  const require = (wanted: boolean) =>
    change(async () => {
      await put("/people/second-step", { required: wanted });
      await load();
    });
  const problem = useLoading(async () => {
    me.value = await get<MySignIn>("/me");
    await load();
  });
  const done = (made: Invited) => {
    invited.value = made;
    adding.value = null;
    void tryTo(load);
  };
  const toggle = (what: "person" | "screen") => (adding.value = adding.value === what ? null : what);
  return (
    <section class="card" aria-labelledby="people-title">
      <div class="row between wrap">
        <h2 id="people-title">{words.title}</h2>
        <span class="row wrap">
          <button type="button" class="btn" aria-expanded={adding.value === "screen"} onClick={() => toggle("screen")}>
            <Icon name="monitor" small />
            {words.addScreen}
          </button>
          <button type="button" class="btn" aria-expanded={adding.value === "person"} onClick={() => toggle("person")}>
            <Icon name="plus" small />
            {words.add}
          </button>
        </span>
      </div>
      <p class="small sub">{words.sub}</p>
      {adding.value && <Invite key={adding.value} isScreen={adding.value === "screen"} onInvited={done} />}
      {invited.value && <Made made={invited.value} />}
      {problem}
      {list.value?.map((person) => (
        <OnePerson key={person.id} person={person} onChange={load} onInvited={done} />
      ))}
      {list.value && (
        <div class="setting">
          <div class="grow">
            <b>{words.secondStep}</b>
            <p class="small sub">{words.secondStepSub}</p>
          </div>
          <Segmented
            label={words.secondStep}
            value={required.value ? "on" : "off"}
            options={[
              { value: "on", label: settings.look.on },
              { value: "off", label: settings.look.off },
            ]}
            onChange={(value) => void require(value === "on")}
          />
        </div>
      )}
      {me.value && <ConfirmSheet now={me.value} />}
    </section>
  );
}

function Made({ made }: { made: Invited }) {
  const { name, role } = made.person;
  const link = new URL(made.link, location.href).href;
  return (
    <div class="setting access-made">
      <p class="sub">{role === "screen" ? words.screenLink(name) : words.link(name)}</p>
      {made.screen_code && (
        <p>
          <span class="hidden">{words.code}: </span>
          <b class="big-code num">{`${made.screen_code.slice(0, 4)}-${made.screen_code.slice(4)}`}</b>
        </p>
      )}
      <QrCode text={link} label={words.picture} />
      <Address value={link} label={words.linkFor(name)} focus />
      <Reach address={link} atHome={made.home_only} />
    </div>
  );
}

function Invite({ isScreen, onInvited }: { isScreen: boolean; onInvited: (made: Invited) => void }) {
  const name = useSignal("");
  const chosen = useSignal<string[] | null>(null);
  const role = useSignal<Chosen>("member");
  const end = useSignal(fieldTime(serverNow() + 3 * DAY_MS));
  const linked = useSignal("");
  const busy = useSignal(false);
  const leaving = useLeaving({ isChanged: () => name.peek() !== "" || linked.peek() !== "" });
  const submit = (event: Event) => {
    event.preventDefault();
    if (busy.peek()) return;
    busy.value = true;
    const made = change(async () => {
      const asked = { name: name.value, cameras: chosen.value, linked: linked.value };
      const ends_ms = role.value === "guest" && !isScreen ? fieldInstant(end.value) : null;
      onInvited(await post<Invited>("/people", { ...asked, role: isScreen ? "screen" : role.value, ends_ms }));
    });
    void made.finally(() => (busy.value = false));
  };
  const label = isScreen ? words.screenName : words.name;
  return (
    <form class="setting access-form" onSubmit={submit}>
      {leaving.sheet}
      {isScreen && <p class="sub">{words.screenSub}</p>}
      <input
        class="access-name"
        aria-label={label}
        placeholder={label}
        required
        maxLength={64}
        ref={focusOnce}
        value={name.value}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      {!isScreen && <RoleChoice role={role.value} onChange={(next) => (role.value = next)} />}
      {!isScreen && role.value === "guest" && <End value={end.value} onInput={(value) => (end.value = value)} />}
      {(isScreen || role.value !== "installer") && <CameraTicks chosen={chosen.value} onChange={(next) => (chosen.value = next)} />}
      {!isScreen && <Linked value={linked.value} onInput={(value) => (linked.value = value)} id="linked-new" />}
      <button type="submit" class="btn pri" disabled={busy.value}>
        {words.invite}
      </button>
    </form>
  );
}

/** Owners are made by a command, on purpose. */
function RoleChoice({ role, onChange }: { role: Role; onChange: (next: Chosen) => void }) {
  const roles: readonly Chosen[] = session.value?.hub ? ["member", "viewer", "guest", "installer"] : ["member", "viewer", "guest"];
  const options = roles.map((value) => ({ value, label: words[value] }));
  return (
    <>
      <Segmented label={words.role} value={role === "owner" || role === "screen" ? "member" : role} options={options} onChange={onChange} />
      {role === "installer" && <p class="small sub">{words.installerSub}</p>}
    </>
  );
}

function End({ value, onInput }: { value: string; onInput: (value: string) => void }) {
  return (
    <label class="row wrap">
      {words.until}
      <input class="access-name" type="datetime-local" required value={value} onInput={(event) => onInput(event.currentTarget.value)} />
    </label>
  );
}

function Linked({ value, onInput, id }: { value: string; onInput: (value: string) => void; id: string }) {
  return (
    <details class="access-linked">
      <summary>{words.linked}</summary>
      <input id={id} class="access-name" maxLength={255} autocomplete="off" aria-label={words.linked} value={value} onInput={(event) => onInput(event.currentTarget.value)} />
      <p class="small muted">{words.linkedSub}</p>
    </details>
  );
}

function OnePerson(props: { person: PersonInfo; onChange: () => Promise<readonly PersonInfo[]>; onInvited: (made: Invited) => void }) {
  const { person } = props;
  const changing = useSignal(false);
  const isMe = session.value?.user?.id === person.id;
  const does = (action: () => Promise<unknown>, said: string) =>
    change(async () => {
      await action();
      toast(said);
      await props.onChange();
    });
  const take = () => {
    if (confirm(words.sure(person.name))) void does(() => remove(`/people/${person.id}`), words.removed(person.name));
  };
  const again = () => change(async () => props.onInvited(await post<Invited>(`/people/${person.id}/link`)));
  const noTwoStep = () => {
    if (confirm(words.sureTwoStep(person.name)))
      void does(() => remove(`/people/${person.id}/two-step`), words.twoStepOff(person.name));
  };
  return (
    <div class="setting access-one wrap">
      <div class="grow">
        <b>{person.name}</b> {isMe && <span class="small muted">({words.you})</span>}
        <p class="small sub">
          {roleOf(person)} · {seen(person.cameras, cameras.value)}
        </p>
        <p class="small muted">
          {waysOf(person)} · {person.seen_ms ? words.seen(when(person.seen_ms)) : words.notSeen}
        </p>
      </div>
      <button type="button" class="btn ghost" aria-expanded={changing.value} aria-label={`${words.change}: ${person.name}`} onClick={() => (changing.value = !changing.value)}>
        <Icon name="settings-2" small />
        {words.change}
      </button>
      {!isMe && (
        <button type="button" class="btn ghost" aria-label={`${words.again}: ${person.name}`} onClick={() => void again()}>
          {words.again}
        </button>
      )}
      {!isMe && changing.value && (
        <>
          <button type="button" class="btn ghost" onClick={() => void does(() => remove(`/people/${person.id}/sessions`), words.signedOut(person.name))}>
            {words.signOut}
          </button>
          {person.two_step && (
            <button type="button" class="btn ghost" onClick={noTwoStep}>
              {words.noTwoStep}
            </button>
          )}
        </>
      )}
      {!isMe && (
        <button type="button" class="btn ghost" aria-label={`${words.remove}: ${person.name}`} onClick={take}>
          {words.remove}
        </button>
      )}
      {changing.value && <Rights person={person} onChange={props.onChange} />}
    </div>
  );
}

/** Role and cameras change at once, one order after the other; what is typed, with the button. Each sends only itself. */
function Rights({ person, onChange }: { person: PersonInfo; onChange: () => Promise<readonly PersonInfo[]> }) {
  const role = useSignal(person.role);
  const chosen = useSignal(person.cameras);
  const end = useSignal<string | null>(null);
  const linked = useSignal<string | null>(null);
  const shownEnd = end.value ?? fieldTime(person.ends_ms ?? serverNow() + 3 * DAY_MS);
  const before = useRef<Promise<unknown>>(Promise.resolve());
  const orders = useRef(0);
  const show = (now: PersonInfo) => {
    role.value = now.role;
    chosen.value = now.cameras;
  };
  useEffect(() => {
    if (orders.current === 0) show(person);
  }, [person]);
  const load = async () => (await onChange()).find((one) => one.id === person.id) ?? person;
  const order = async (asked: Order) => {
    await change(async () => {
      const found = await load();
      const sent = { role: found.role, ...asked(found) };
      await patch(`/people/${person.id}`, sent);
      toast(words.changed(person.name));
      if ("ends_ms" in sent) end.value = null;
      if ("linked" in sent) linked.value = null;
    });
    let now = person;
    if (orders.current === 1) await tryTo(async () => void (now = await load()));
    if (orders.current === 1) show(now); // with more, what is shown has been ordered, too
  };
  const save = (asked: Order) => {
    orders.current += 1;
    const mine = before.current.then(() => order(asked));
    void mine.finally(() => (orders.current -= 1));
    before.current = mine.catch(() => {}); // the next goes on all the same
  };
  const submit = (event: Event) => {
    event.preventDefault();
    save(() => ({
      ...(role.value === "guest" && end.value !== null && { ends_ms: fieldInstant(end.value) }),
      ...(linked.value !== null && { linked: linked.value }),
    }));
  };
  const choose = (next: Role) => {
    role.value = next;
    save(() => ({ role: next, ...(next === "guest" && { ends_ms: fieldInstant(shownEnd) }) }));
  };
  const tick = (next: string[] | null) => {
    const before = chosen.peek();
    chosen.value = next;
    save((now) => ({ cameras: withTicks(now.cameras, before, next) }));
  };
  return (
    <form class="access-form access-rights" onSubmit={submit}>
      {role.value !== "owner" && role.value !== "screen" && <RoleChoice role={role.value} onChange={choose} />}
      {role.value !== "owner" && role.value !== "installer" && <CameraTicks chosen={chosen.value} onChange={tick} />}
      {role.value === "guest" && <End value={shownEnd} onInput={(value) => (end.value = value)} />}
      {role.value !== "screen" && <Linked value={linked.value ?? person.linked ?? ""} onInput={(value) => (linked.value = value)} id={`linked-${person.id}`} />}
      <div class="row wrap">
        {role.value !== "screen" && (
          <button type="submit" class="btn">
            {words.saveEnd}
          </button>
        )}
        {role.value === "guest" && (
          <button type="button" class="btn ghost" onClick={() => save(() => ({ ends_ms: Math.round(serverNow()) }))}>
            {words.endNow}
          </button>
        )}
      </div>
    </form>
  );
}

function roleOf(person: PersonInfo): string {
  if (person.role !== "guest" || !person.ends_ms) return words[person.role];
  return person.ends_ms > serverNow() ? words.guestUntil(when(person.ends_ms)) : words.guestEnded(when(person.ends_ms));
}

function waysOf(person: PersonInfo): string {
  const ways = [
    person.has_password && words.ways.password,
    person.passkeys ? plural(person.passkeys, words.ways.passkeys) : "",
    person.two_step && words.ways.twoStep,
    person.linked && words.ways.linked(person.linked),
  ].filter(Boolean);
  return ways.join(", ") || (person.role === "screen" ? words.ways.code : words.ways.none);
}
