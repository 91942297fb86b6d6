
// The data of the page. A row is an array of numbers, most of which are indices of texts.
let data;
const AT = Object.fromEntries(
  ("name account region rank verdict actBy usage restarts enforcing coverage engine tls plaintext brief reasons titles " +
    "facts commands noCommands sessions asked days gaps counts clients clientsLeftOut notExamined")
    .split(" ")
    .map((name, at) => [name, at]),
);
// A text that is the same for many instances is a pattern: 0 stands for a number of its own, and 1 to 3 for the name of the
// instance, its account and its region, which are the first texts of a row.
const text = (index, row) => {
  const entry = data.texts[index];
  if (typeof entry === "string") return entry;
  let at = 0;
  let all = "";
  for (const part of data.patterns[entry[0]]) {
    all += typeof part === "string" ? part : part === 0 ? entry[(at += 1)] : data.texts[row[part - 1]];
  }
  return all;
};
const named = (row, name) => text(row[AT[name]], row);
const code = (row) => (row[AT.reasons].length ? text(row[AT.reasons][0][0], row) : "-");
// The first clause of the reason that decided, and the rest of it.
const brief = (row) => (row[AT.reasons].length ? text(row[AT.reasons][0][1], row).slice(0, row[AT.brief]) : "");
const rest = (row) => {
  const [, before, query, , shown] = row[AT.reasons][0] ?? [];
  if (query !== undefined) return text(shown, row);
  const after = before === undefined ? "" : text(before, row).slice(row[AT.brief]);
  return after === "." ? "" : after;
};
const CLASSES = ["required", "unproven", "deferrable", "optional"];
const minute = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
const gaps = (row) => {
  const all = [];
  const [begin] = data.window;
  for (let at = 0; at < row[AT.gaps].length; at += 3) {
    const [from, length, cause] = row[AT.gaps].slice(at, at + 3);
    all.push({ from: begin + from, length, to: begin + from + length, cause: text(cause, row) });
  }
  return all;
};
const inMinutes = (minutes) => (minutes === null ? "-" : minute((Math.floor(data.window[0] / 60) + minutes) * 60));

// All that is shown of an instance, in lower case: what a search searches.
const searchable = (row) => {
  const all = [code(row)];
  for (const name of ["name", "account", "region", "verdict", "actBy", "usage", "restarts", "enforcing", "coverage", "engine",
    "noCommands", "sessions"]) all.push(named(row, name));
  for (const reason of row[AT.reasons]) for (const index of reason.slice(0, 4)) all.push(text(index, row));
  for (const indices of [row[AT.facts], row[AT.commands], data.lists[row[AT.notExamined]]]) {
    for (const index of indices) all.push(text(index, row));
  }
  for (const gap of gaps(row)) all.push(minute(gap.from), minute(gap.to), gap.cause);
  for (const [title, ...counts] of row[AT.counts]) {
    all.push(text(title, row));
    for (let at = 0; at < counts.length; at += 2) all.push(text(counts[at], row));
  }
  for (const client of row[AT.clients]) {
    for (const index of client.slice(0, 4)) all.push(text(index, row));
    all.push(inMinutes(client[7]), inMinutes(client[8]));
  }
  return all.join("\n").toLowerCase();
};
