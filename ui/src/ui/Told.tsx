import { Fragment } from "preact";

/** A sentence in which what stands between backticks is something to type. */
export function Told({ words }: { words: string }) {
  return (
    <>
      {words.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>))}
    </>
  );
}
