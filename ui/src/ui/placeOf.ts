/** Where this browser finds a server that listens on HOST:PORT: all addresses of the recorder include the one in use. */
export const placeOf = (listens: string): string => listens.replace(/^(0\.0\.0\.0|\[::\])(?=:\d+$)/, location.hostname);
