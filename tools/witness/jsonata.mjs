// Evaluates the expression of each line by JSONata's reference implementation: {value}, {error, message},
// or {} for nothing. The argument is the package.json of the folder that has it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const jsonata = createRequire(process.argv[2])("jsonata");
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { value: await jsonata(JSON.parse(line)).evaluate(undefined) };
  } catch (error) {
    answer = { error: error.code ?? "error", message: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
