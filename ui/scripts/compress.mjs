// Compresses what `vite build` made, once, so that the recorder sends files as they are (api/static_files.py). Browsers
// accept Brotli over https only, so there is gzip too. Fonts are compressed already.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const folder = new URL("../../src/tawny/api/static/", import.meta.url);
const TEXT = /\.(css|html|js|svg|txt|webmanifest)$/;
/** A smaller saving is not worth a file. */
const LEAST_SAVED = 0.1;

for (const name of readdirSync(folder, { recursive: true }).filter((each) => TEXT.test(each))) {
  const data = readFileSync(new URL(name, folder));
  for (const [ending, packed] of [[".br", brotliCompressSync(data)], [".gz", gzipSync(data, { level: 9 })]]) {
    if (packed.length < (1 - LEAST_SAVED) * data.length) writeFileSync(new URL(name + ending, folder), packed);
  }
}
