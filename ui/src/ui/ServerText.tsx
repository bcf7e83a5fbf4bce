import { Fragment } from "preact";

/** A text of the recorder: what it has between backticks is shown as code. A backtick without its partner stays. */
export function ServerText({ text }: { text: string }) {
  const parts = text.split(/`([^`]+)`/);
  return <>{parts.map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>))}</>;
}

/** The same without backticks, where there is only room for text: a placeholder, an attribute. */
export const plain = (text: string): string => text.replace(/`([^`]+)`/g, "$1");
