
// The details of an instance.
const bdi = (shown, ...children) => {
  const it = element("bdi", {}, ...(children.length ? children : [shown]));
  if (shown.length > 300) Object.assign(it, { className: "long", tabIndex: 0 });
  return it;
};
// Between backticks is code.
const prose = (shown) => {
  const parts = shown.split("`");
  if (parts.length % 2 === 0) return bdi(shown);
  const children = parts.map((part, at) => (at % 2 && part ? element("code", {}, part) : part)).filter(Boolean);
  return bdi(shown, ...children);
};
const block = (shown) => element("pre", {}, element("code", {}, shown));
const badge = (row) => element("b", { className: `badge ${CLASSES[row[AT.rank]]}` }, named(row, "verdict"));
const list = (items) => element("ul", {}, ...items);
const withHeading = (title, ...children) => [element("h4", {}, title), ...children];

const factsOf = (row) => {
  const titles = data.lists[row[AT.titles]];
  const facts = row[AT.facts].map((fact, at) =>
    element("div", {}, element("dt", {}, text(titles[at], row)), element("dd", {}, bdi(text(fact, row)))));
  return element("dl", { className: "facts" }, ...facts);
};
const reasonsOf = (row) =>
  list(row[AT.reasons].map(([of, before, query, after]) => {
    const item = element("li", {}, element("code", {}, text(of, row)), " ", prose(text(before, row)));
    if (query !== undefined) item.append(block(text(query, row)));
    if (after) item.append(prose(text(after, row)));
    return item;
  }));
const commandsOf = (row) => {
  const why = named(row, "noCommands");
  return [...(why ? [element("p", {}, prose(why))] : []), ...row[AT.commands].map((index) => block(text(index, row)))];
};
// The longest gaps, in the order of time. The strip shows all.
const GAPS = 10;
const gapsOf = (row) => {
  const all = gaps(row);
  const longest = [...all].sort((one, other) => other.length - one.length).slice(0, GAPS);
  const items = longest.sort((one, other) => one.from - other.from || one.to - other.to).map((gap) =>
    element("li", {}, `Gap ${minute(gap.from)} to ${minute(gap.to)}: ${gap.cause}`));
  if (all.length > GAPS) items.push(element("li", {}, ...leftOut(all.length - GAPS, "shorter gap", "")));
  return items.length ? [list(items)] : [];
};
const leftOut = (count, what, which) =>
  [`Not shown: ${plural(count, what)}${which}. `, element("code", {}, "--format json"), " has all."];
const countsOf = (row) =>
  row[AT.counts].map(([title, ...counts]) => {
    const line = element("p", {}, element("b", {}, text(title, row)), " ");
    for (let at = 0; at < counts.length; at += 2) {
      const count = element("span", { className: "count" }, counts[at + 1]);
      line.append(at ? ", " : "", bdi(text(counts[at], row)), "\u00a0", count);
    }
    return line;
  });
const CLIENT = ["User", "Database", "Address", "Application", "TLS", "Plaintext", "Other", "First seen", "Last seen"];
const clientsOf = (row, id) => {
  if (!row[AT.clients].length) return [];
  const cell = (at, ...children) =>
    element("td", { className: at < 4 ? "" : at < 7 ? "number" : "time" }, ...children);
  const lines = row[AT.clients].map((client) => {
    const names = client.slice(0, 4).map((name, at) => cell(at, bdi(text(name, row))));
    if (client[9]) names[3].append(" (ignored by policy)");
    const counts = client.slice(4, 7).map((count, at) => cell(4 + at, count));
    return element("tr", {}, ...names, ...counts, ...client.slice(7, 9).map((time) => cell(7, inMinutes(time))));
  });
  const titles = CLIENT.map((title, at) =>
    element("th", { scope: "col", className: at > 3 && at < 7 ? "number" : "" }, title));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...lines));
  const scroll = element("div", { className: "scroll", role: "group", tabIndex: 0 }, table);
  scroll.setAttribute("aria-labelledby", id);
  const rest = row[AT.clientsLeftOut];
  const note = rest ? [element("p", { className: "note" }, ...leftOut(rest, "client", " with fewer sessions"))] : [];
  return [element("h4", { id }, "Clients"), scroll, ...note];
};
const body = ({ row, number }) =>
  element("div", { className: "body" }, factsOf(row),
    ...withHeading("Reasons", reasonsOf(row)),
    ...withHeading("Commands", ...commandsOf(row)),
    ...withHeading("Sessions and log coverage", ...chart(row)),
    element("p", {}, named(row, "sessions")), ...gapsOf(row), ...countsOf(row), ...clientsOf(row, `c${number}`),
    ...withHeading("Not examined", list(data.lists[row[AT.notExamined]].map((what) => element("li", {}, prose(text(what, row)))))));

// An instance, whose details are created when it is opened.
const sectionOf = (entry) => {
  if (entry.section) return entry.section;
  const { row, number } = entry;
  const why = element("span", { className: "why" }, bdi(brief(row)));
  const summary = element("summary", {}, element("h3", {}, bdi(named(row, "name"))), " ", badge(row), " ", why);
  const details = element("details", {}, summary);
  details.addEventListener("toggle", () => details.open && fill(entry));
  entry.section = element("section", { className: "instance", id: `i${number}` }, details);
  return entry.section;
};
const fill = (entry) => {
  const details = sectionOf(entry).firstElementChild;
  if (details.childElementCount > 1) return;
  details.append(body(entry));
  addCopyButtons(details);
};
const open = (entry) => {
  fill(entry);
  entry.section.firstElementChild.open = true;
};
