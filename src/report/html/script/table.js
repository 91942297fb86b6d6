
// The table of instances, and their sections: as many as a person looks at, and more on demand. A browser takes seconds to
// lay out thousands.
const BATCH = 100;
// Instances whose names stay in sight while the table is scrolled: it costs a browser much time in a longer one.
const STICKY = 1000;
// Instances whose details are printed.
const PRINTED = 500;
// The value of each column, by which it is sorted and filtered.
const COLUMNS = [
  (row) => named(row, "name"),
  (row) => named(row, "verdict"),
  (row) => named(row, "actBy"),
  code,
  ...["usage", "restarts", "enforcing", "coverage"].map((name) => (row) => named(row, name)),
  (row) => String(row[AT.tls]),
  (row) => String(row[AT.plaintext]),
  ...["engine", "region", "account"].map((name) => (row) => named(row, name)),
];
const VERDICT = 1;
const REASON = 3;

const cell = (row, column) => {
  const shown = COLUMNS[column](row);
  if (column === VERDICT) return element("td", {}, badge(row));
  if (column === REASON) {
    const more = rest(row);
    const why = [element("code", {}, shown), element("br"), bdi(brief(row))];
    if (more) why.push(Object.assign(prose(more), { className: more.length > 300 ? "rest long" : "rest" }));
    return element("td", {}, ...why);
  }
  if (column > 9) return element("td", {}, bdi(shown));
  return element("td", { className: column === 2 ? "time" : column > 6 ? "number" : "" }, shown);
};
const rowOf = (entry) => {
  if (entry.tr) return entry.tr;
  const { row, number } = entry;
  const name = element("a", { href: `#i${number}` }, bdi(named(row, "name")));
  const cells = COLUMNS.slice(1).map((_, at) => cell(row, at + 1));
  entry.tr = element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  return entry.tr;
};

// What matches the search and the filters, in the order of the table, and how much of it is shown: rows and sections.
let entries = [];
let matching = [];
let shown = [0, 0];
const parents = () => [document.getElementById("table").tBodies[0], document.getElementById("sections")];
const makers = [rowOf, sectionOf];

const grow = (which, count) => {
  const to = Math.min(count, matching.length);
  if (to > shown[which]) parents()[which].append(...matching.slice(shown[which], to).map(makers[which]));
  shown[which] = Math.max(shown[which], to);
  showMore(which);
};
const showMore = (which) => {
  const [at, all] = [shown[which], matching.length];
  const it = document.querySelectorAll(".more")[which];
  const button = (title, count) => {
    const made = element("button", { type: "button", className: "show" }, title);
    made.addEventListener("click", () => {
      grow(which, count);
      const first = matching[at];
      (which ? first.section.querySelector("summary") : first.tr.querySelector("a")).focus();
    });
    return made;
  };
  it.hidden = at >= all;
  if (it.hidden) it.replaceChildren();
  else it.replaceChildren(`${at} of ${plural(all, "instance")} are shown. `,
    ...(all - at > BATCH ? [button(`Show ${BATCH} more`, at + BATCH)] : []), button(`Show all ${all}`, all));
  if (which) return;
  const of = document.getElementById("table");
  of.classList.toggle("sticky", at <= STICKY);
  of.ariaRowCount = at < all ? all + 1 : null;
};
const render = () => {
  shown = [0, 0];
  makers.forEach((_, which) => {
    parents()[which].replaceChildren();
    grow(which, BATCH);
  });
};
