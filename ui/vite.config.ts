import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { startWithPage, translatable } from "./scripts/translatable.mjs";

/** Parts of age that nothing here uses. */
const leftOut = fileURLToPath(new URL("src/sealed/left-out.ts", import.meta.url));
const recorder = process.env["TAWNY_URL"] ?? "http://127.0.0.1:8470";

export default defineConfig({
  base: "/",
  plugins: [translatable(), startWithPage()],
  resolve: {
    alias: { "@noble/post-quantum/hybrid.js": leftOut, "@noble/curves/nist.js": leftOut },
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    outDir: "../src/tawny/api/static",
    emptyOutDir: true,
    target: "es2022",
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": { target: recorder, ws: true },
      "/media": { target: recorder },
    },
  },
  test: {
    pool: "threads",
    environment: "node", // tests that need a page say so: making one takes longer than most tests
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 60_000, // how long a test takes is the business of the machine
    hookTimeout: 60_000,
  },
});
