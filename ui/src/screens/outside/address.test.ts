import { describe, expect, it } from "vitest";
import type { FieldInfo, KindInfo } from "../../api/schema";
import { addressOf, ownSettings } from "./address";

const field = (key: string, goes: FieldInfo["goes"] = "encoded"): FieldInfo => ({
  key,
  goes,
  label: key,
  hint: "",
  secret: false,
  required: false,
});
const sftp: KindInfo = {
  group: "destinations",
  scheme: "sftp",
  title: "SFTP",
  about: "",
  shows: "",
  address: "sftp://{user}[:{password}]@{host}[/{folder}]",
  fields: [field("user"), field("password"), field("host", "as-is"), field("folder", "as-is"), field("key", "setting")],
};

describe("an address", () => {
  it("leaves out what is empty", () => {
    expect(addressOf(sftp, { user: "me", host: "nas:22", password: " " })).toBe("sftp://me@nas:22");
  });
  it("takes any password", () => {
    expect(addressOf(sftp, { user: "me", host: "nas", password: "a:/@%", folder: "x/y" })).toBe(
      "sftp://me:a%3A%2F%40%25@nas/x/y",
    );
  });
  it("leaves settings of their own out", () => {
    expect(ownSettings(sftp.fields, { user: "me", key: " ~/.ssh/id " })).toEqual({ key: "~/.ssh/id" });
  });
});
