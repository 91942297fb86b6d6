
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

// Whether a word is in what is shown of an instance. Texts that are the same for all instances are searched once.
const SEARCHED = ["name", "account", "region", "verdict", "actBy", "usage", "restarts", "enforcing", "coverage", "engine",
  "noCommands", "sessions"].map((name) => AT[name]);
const [EVERYWHERE, NOWHERE, BY_INSTANCE] = [1, 2, 3];
const matcher = (word) => {
  const isIn = (index, row) => text(index, row).toLowerCase().includes(word);
  const classify = (index, row) => {
    const entry = data.texts[index];
    const isOwn = typeof entry !== "string" && data.patterns[entry[0]].some((part) => part > 0);
    return isOwn ? BY_INSTANCE : isIn(index, row) ? EVERYWHERE : NOWHERE;
  };
  const kinds = new Uint8Array(data.texts.length);
  // No other word is in a date or a time of day.
  const isTime = /^[-:\d]{1,10}$/.test(word) && !/\d{5}/.test(word);
  return (row) => {
    const has = (index) => {
      const kind = (kinds[index] ||= classify(index, row));
      return kind === BY_INSTANCE ? isIn(index, row) : kind === EVERYWHERE;
    };
    return SEARCHED.some((at) => has(row[at])) ||
      row[AT.reasons].some((reason) => reason.slice(0, 4).some(has)) ||
      [row[AT.facts], row[AT.commands], data.lists[row[AT.notExamined]]].some((all) => all.some(has)) ||
      row[AT.counts].some(([title, ...counts]) => has(title) || counts.some((count, at) => at % 2 === 0 && has(count))) ||
      row[AT.clients].some((client) => client.slice(0, 4).some(has)) ||
      row[AT.gaps].some((cause, at) => at % 3 === 2 && has(cause)) ||
      (isTime && timesOf(row).some((time) => time.includes(word)));
  };
};
const timesOf = (row) => [
  ...gaps(row).flatMap((gap) => [minute(gap.from), minute(gap.to)]),
  ...row[AT.clients].flatMap((client) => [inMinutes(client[7]), inMinutes(client[8])]),
];
