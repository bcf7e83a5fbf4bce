/** Says on which address tawny listens after a restore, with a link where this browser may find its pages there. */
export function Elsewhere({ text, listens }: { text: string; listens: string }) {
  const place = placeOf(listens);
  return (
    <>
      {" "}
      {text} {place && (
        <a class="more" href={`//${place}/`}>
          {place}
        </a>
      )}
    </>
  );
}

const LOOPBACK = /^(127\.|localhost|\[::1])/;

/** Empty: unknown, as behind a proxy, or out of reach. All addresses of the recorder include the one in use. */
function placeOf(listens: string): string {
  if (!location.port || (LOOPBACK.test(listens) && !LOOPBACK.test(location.hostname))) return "";
  return listens.replace(/^(0\.0\.0\.0|\[::\])(?=:\d+$)/, location.hostname);
}
