// Lists the segments of a data source, streams the audience of the first one into a CSV file, proves that the file is
// whole, and evaluates a condition for everybody in it.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";

import { cellText, isNull } from "./cells.mjs";
import { connect, explained } from "./directflow.mjs";

const LONGEST_MS = 10 * 60 * 1000;
const PEOPLE_IN_MESSAGE = 10_000;

const { values: options } = parseArgs({
  options: {
    segments: { type: "string", default: "127.0.0.1:7401" },
    conditions: { type: "string", default: "127.0.0.1:7402" },
    "data-source": { type: "string", default: "workspaces/demo/dataSources/communities" },
    condition: { type: "string", default: "workspaces/demo/conditions/is_premium" },
    out: { type: "string", default: "audience.csv" },
  },
});

// A deadline is mandatory: a call without one is refused.
const deadline = () => ({ deadline: Date.now() + LONGEST_MS });

async function listSegments(audiences, dataSource) {
  const keys = [];
  let pageToken = "";
  do {
    const page = await audiences.unary("ListSegments", { dataSource, pageToken }, deadline());
    keys.push(...page.segments.map((segment) => segment.key));
    pageToken = page.nextPageToken;
  } while (pageToken);
  return keys;
}

/** The file is written under another name first: what carries the name is whole. */
async function saveAudience(audiences, target, path) {
  const file = createWriteStream(`${path}.part`);
  const people = [];
  let schema;
  let summary;
  // The loop ends when the status is OK, and throws when it is anything else.
  for await (const { message, header, batch, ...rest } of audiences.stub.StreamAudience({ target }, deadline())) {
    if (message === "header") {
      schema = header.schema.columns;
      file.write(line(schema.map((column) => column.name)));
    } else if (message === "batch") {
      // Back-pressure: a slow disk slows the stream down, and nothing piles up in between.
      if (!file.write(rows(schema, batch.columns, people))) await once(file, "drain");
    } else {
      summary = rest.summary;
    }
  }
  file.end();
  await finished(file);
  prove(summary, people.length);
  await rename(`${path}.part`, path);
  return people;
}

/** The proof: a status of OK behind a summary, whose ledger adds up and agrees with what was received. */
function prove(summary, received) {
  if (!summary) throw new Error("the stream ended without a summary: the file is not whole");
  const { rowsRead, ...ledger } = summary.ledger;
  const kinds = ["delivered", "nullKeys", "noContact", "invalidContact", "duplicates"];
  const parts = kinds.reduce((sum, kind) => sum + BigInt(ledger[kind].rows), 0n);
  if (parts !== BigInt(rowsRead) || BigInt(ledger.delivered.rows) !== BigInt(received)) {
    throw new Error(`${rowsRead} rows read, ${parts} accounted for, ${received} received`);
  }
}

function rows(schema, { rowCount, columns }, people) {
  const key = schema.findIndex((column) => column.name === "profile_id");
  let text = "";
  for (let row = 0; row < rowCount; row++) {
    const cells = columns.map((column, i) => (isNull(column, row) ? "" : cellText(schema[i].wireType, column, row)));
    people.push(cells[key]);
    text += line(cells);
  }
  return text;
}

function line(cells) {
  return `${cells.map((cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

async function evaluate(evaluation, condition, people) {
  const call = evaluation.stub.StreamEvaluations(deadline());
  // Both at the same time: the service reads ahead by three messages at most.
  const sending = send(call, condition, people).catch((error) => call.destroy(error));
  let answered = 0;
  let summary;
  for await (const { message, evaluations, ...rest } of call) {
    // A real program would route each person by evaluations.decided[i], in the order of sending.
    if (message === "evaluations") answered += evaluations.decided.length;
    else summary = rest.summary;
  }
  await sending;
  if (answered !== people.length || summary?.profileCount !== String(people.length)) {
    throw new Error(`${answered} of ${people.length} people answered`);
  }
  return summary;
}

async function send(call, condition, people) {
  call.write({ start: { condition } });
  for (let first = 0; first < people.length; first += PEOPLE_IN_MESSAGE) {
    const profiles = { profileIds: people.slice(first, first + PEOPLE_IN_MESSAGE) };
    if (!call.write({ profiles })) await once(call, "drain");
  }
  call.end();
}

async function main() {
  const audiences = connect("directflow.segments.v1.AudienceService", options.segments);
  const evaluation = connect("directflow.conditions.v1.EvaluationService", options.conditions);
  try {
    const keys = await listSegments(audiences, options["data-source"]);
    if (keys.length === 0) throw new Error("the data source has no segments");
    console.log(`${keys.length} segments`);
    const target = { dataSource: options["data-source"], segmentKey: keys[0] };
    const people = await saveAudience(audiences, target, options.out);
    console.log(`${people.length} people of segment ${keys[0]} in ${options.out}, whole`);
    const counts = await evaluate(evaluation, options.condition, people);
    console.log(
      `${options.condition}: ${counts.trueCount} true, ${counts.falseCount} false, ${counts.errorCount} undecided`,
    );
  } finally {
    audiences.stub.close();
    evaluation.stub.close();
  }
}

main().catch((error) => {
  console.error(explained(error));
  process.exitCode = 1;
});
