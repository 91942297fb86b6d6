"use strict";
(() => {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const sections = document.getElementById("sections");
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  // The page holds both in one order.
  let entries = [...body.rows].map((row, at) => ({ row, section: sections.children[at] }));

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const entry of entries) {
      entry.text ??= (entry.row.textContent + entry.section.textContent).toLowerCase();
      const hit = words.every((word) => entry.text.includes(word));
      entry.row.hidden = entry.section.hidden = !hit;
      shown += hit;
    }
    found.textContent = words.length ? `${shown} of ${entries.length}` : "";
  };
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });

  const collator = new Intl.Collator("en", { numeric: true });
  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  const sort = (head, column) => {
    const falls = head.ariaSort === "ascending";
    for (const other of head.parentNode.cells) other.ariaSort = other === head ? (falls ? "descending" : "ascending") : null;
    for (const entry of entries) entry.key = key(entry.row, column);
    entries.sort((one, other) => (falls ? -1 : 1) * collator.compare(one.key, other.key));
    body.append(...entries.map((entry) => entry.row));
    sections.append(...entries.map((entry) => entry.section));
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.append(button);
  });

  // A link leads to what a search had hidden, too.
  addEventListener("hashchange", () => {
    const section = document.querySelector(":target")?.closest(".instance");
    if (section?.hidden) {
      section.hidden = false;
      section.scrollIntoView();
    }
  });
  const form = document.getElementById("find");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
