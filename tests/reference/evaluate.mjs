// Reads [{text, bindings}, ...], writes what each expression gives: {value} or {error}; {} is nothing.
import { readFileSync } from "node:fs";
import jsonata from "jsonata";

const results = [];
for (const { text, bindings } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    results.push({ value: await jsonata(text).evaluate(undefined, bindings) });
  } catch (error) {
    results.push({ error: error.code ?? String(error) });
  }
}
process.stdout.write(JSON.stringify(results));
