import { describe, expect, it } from "vitest";
import type { SettingsInfo } from "../../api/schema";
import { makeIndex, search } from "./index";

const key = (name: string, more = {}) => ({ ...{ key: name, kind: "text" as const, help: "", default: "", choices: [], least: null, most: null, required: false, at_start: false }, ...more });
const info: SettingsInfo = {
  file: "tawny.toml",
  tables: [
    { path: "web", about: "", keys: [key("name", { help: "Shown on its pages." }), key("listen", { default: "127.0.0.1:8000" })] },
    { path: "cameras.<id>", about: "", keys: [key("pre", { kind: "duration" }), key("source", { kind: "page" })] },
    { path: "removed_cameras.<id>", about: "", keys: [key("name")] },
    { path: "storage", about: "", keys: [key("backup", { help: "A key named like a page." })] },
    { path: "relays.<name>", about: "", keys: [key("script", { kind: "file" })] },
  ],
  instances: [
    { path: "web", table: "web", written: { name: { value: "Cottage", line: 2 } } },
    { path: "cameras.front", table: "cameras.<id>", written: {} },
  ],
};
const index = makeIndex(info, true, new Map([["front", "Front door"]]));
const titles = (query: string) => search(index, query).found.map((one) => `${one.title} ${one.where}`.trim());

describe("the search of settings", () => {
  it("finds a key by its name, its words and its value", () => {
    expect(titles("web.name")).toEqual(["Name web.name"]);
    expect(titles("shown pages")).toContain("Name web.name");
    expect(titles("cottage")).toEqual(["Name web.name"]);
    expect(titles("8000")).toEqual(["Listen web.listen"]);
  });
  it("finds a camera's setting by the camera's name, and opens its page for what is tried there", () => {
    expect(titles("front door pre")).toEqual(["Pre Front door · cameras.front.pre"]);
    expect(search(index, "cameras.front.source").found[0]?.href).toBe("/settings/cameras/front/connection");
    expect(search(index, "cameras.front.pre").found[0]?.href).toBe("/settings/all?key=cameras.front.pre");
  });
  it("finds the camera itself first, then what has a page", () =>
    expect(titles("front door")).toEqual(["Front door", "Source Front door · cameras.front.source", "Pre Front door · cameras.front.pre"]));
  it("finds what nothing is written of yet", () => expect(titles("relays script")).toEqual(["Script relays.<name>.script"]));
  it.each([
    ["wifi", "Secure address"],
    ["alarm", "Notification channels"],
    ["https", "Secure address"],
    ["delete", "Delete all recordings"],
    ["user", "People"],
    ["mute", "Snooze"],
    ["2fa", "Two-step codes"],
    ["failover", "Standby"],
    ["ftp", "Uploads"],
  ])("knows that %s is called %s here", (word, title) => expect(titles(word)).toContain(title));
  it("puts what is called so first", () => expect(titles("backup")[0]).toBe("Backup"));
  it("puts pages before keys of the same name, and these before what only mentions it", () =>
    expect(titles("backup")).toEqual(["Backup", "Backup storage.backup", "Restore a backup", "Uploads"]));
  it("puts a key of that name before pages whose words have it in them", () => expect(titles("script")[0]).toBe("Script relays.<name>.script"));
  it("leaves out what tawny alone writes", () => expect(titles("removed_cameras")).toEqual([]));
  it.each([
    ["notify at night", "Quiet hours"],
    ["quiet", "Quiet hours"],
    ["partner", "People"],
    ["invite", "People"],
  ])("finds for %s the page of %s", (words, title) => expect(titles(words)[0]).toBe(title));
  it("says what a key means", () => expect(search(index, "storage.backup").found[0]?.help).toBe("A key named like a page."));
  it("finds nothing for what there is not", () => expect(search(index, "zzz").count).toBe(0));
  it("shows others only what is theirs", () => {
    const mine = makeIndex(info, false, new Map());
    expect(search(mine, "restart").count).toBe(0);
    expect(search(makeIndex(info, false, new Map([["front", "Front door"]])), "front door").found[0]?.href).toBe("/settings/cameras/front");
    expect(search(mine, "password").count).toBe(1);
  });
});
