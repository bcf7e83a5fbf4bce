import type { Plugin } from "vite";

export function translatable(): Plugin;
/** What `main.ts` imports when the language is known is loaded with the page. */
export function startWithPage(): Plugin;
export function rewrite(code: string, file: string): { code: string; texts: { text: string; plural: boolean }[] };
