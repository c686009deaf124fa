// Reads a list of definitions, writes what each validator says against each of them.
import { readFileSync } from "node:fs";
import service from "amazon-states-language-service";
import validator from "asl-validator";
import { TextDocument } from "vscode-languageserver-textdocument";

const languageService = service.getLanguageService({});

async function byLanguageService(definition) {
  const document = TextDocument.create("file:///machine.asl.json", "json", 1, JSON.stringify(definition));
  const parsed = languageService.parseJSONDocument(document);
  const found = await languageService.doValidation(document, parsed);
  return found.map((each) => each.message);
}

const results = [];
for (const definition of JSON.parse(readFileSync(0, "utf8"))) {
  results.push({
    "amazon-states-language-service": await byLanguageService(definition),
    // It completes the definition that it is given.
    "asl-validator": validator(structuredClone(definition)).errors.map((each) => each.Message ?? each.message),
  });
}
process.stdout.write(JSON.stringify(results));
