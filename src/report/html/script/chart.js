
// Elements. Names that others chose are text, and never markup.
const element = (name, properties, ...children) => {
  const it = Object.assign(document.createElement(name), properties);
  it.append(...children);
  return it;
};
const shape = (name, attributes, ...children) => {
  const it = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  it.append(...children);
  return it;
};
const rectangle = (kind, x, y, width, height) => shape("rect", { class: kind, x, y, width, height });

// Where a span of seconds is in a drawing of the window, 1000 wide. A short span can be seen.
const position = (from, to) => {
  const [begin, end] = data.window;
  if (from >= end || to <= begin || begin >= end) return null;
  const at = (time) => Math.floor(((Math.min(Math.max(time, begin), end) - begin) * 1000) / (end - begin));
  const width = Math.max(at(to) - at(from), 2);
  return [Math.min(at(from), 1000 - width), width];
};

// Sessions by day: TLS above a line in the middle of 100, others below it.
const DAY = 24 * 60 * 60;
const bars = (row) => {
  const [first, ...series] = row[AT.days];
  const length = Math.max(0, ...series.map((counts) => counts.length || 0));
  const days = Array.from({ length }, (_, at) => [first + at, ...series.map((counts) => counts[at] ?? 0)]);
  const most = Math.max(1, ...days.map(([, tls, plaintext, other]) => Math.max(tls, plaintext + other)));
  const height = (count) => (count ? Math.max(Math.floor((count * 48) / most), 2) : 0);
  const drawn = days.filter((day) => day[1] + day[2] + day[3] > 0).map(([day, tls, plaintext, other]) => {
    const [x, width] = position(day * DAY, (day + 1) * DAY);
    const [up, down, below] = [tls, plaintext, other].map(height);
    const parts = [["tls", 50 - up, up], ["plaintext", 50, down], ["other", 50 + down, below]].filter((part) => part[2] > 0);
    const date = minute(day * DAY).slice(0, -6);
    const title = shape("title", {}, `${date}: ${tls} TLS, ${plaintext} plaintext, ${other} other`);
    // A space separates two days.
    const drawn = parts.map(([kind, y, high]) => rectangle(kind, x, y, Math.max(width - 2, 1), high));
    return shape("g", { role: "img" }, title, ...drawn);
  });
  return { most, drawn };
};
const chart = (row) => {
  const [begin, end] = data.window;
  if (begin >= end) return [];
  const { most, drawn } = bars(row);
  const figure = element("figure");
  if (drawn.length) {
    const side = `TLS above the line, other sessions below it; at most ${most} a day on one side`;
    figure.append(shape("svg", { class: "chart", viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "group" },
      shape("title", {}, "Sessions by day"), shape("desc", {}, side), ...drawn, rectangle("line", 0, 49.5, 1000, 1)));
  }
  const covered = `Logs cover ${named(row, "coverage")} of the window; gaps: ${row[AT.gaps].length / 3}`;
  const missing = gaps(row).map((gap) => position(gap.from, gap.to)).filter(Boolean);
  figure.append(shape("svg", { class: "strip", viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img" },
    shape("title", {}, "Log coverage"), shape("desc", {}, covered), ...(row[AT.asked] ? [rectangle("seen", 0, 0, 1000, 10)] : []),
    ...missing.map(([x, width]) => rectangle("gap", x, 0, width, 10))));
  const key = (kind) => element("i", { className: `key ${kind}` });
  const legend = element("span", {}, key("tls"), "TLS above the line, ", key("plaintext"), "plaintext and ", key("other"),
    `other below; at most ${most} a day`);
  figure.append(element("figcaption", {}, element("span", {}, minute(begin)), " ", ...(drawn.length ? [legend, " "] : []),
    element("span", {}, minute(end))));
  return [figure];
};
