"use strict";
(() => {
  // Copying: exactly the text of a command or a query.
  const said = document.getElementById("said");
  let saying;
  const say = (text) => {
    said.textContent = text;
    clearTimeout(saying);
    saying = setTimeout(() => (said.textContent = ""), 6000);
  };
  const copySelected = (code) => {
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const put = (event) => {
      event.clipboardData.setData("text/plain", code.textContent);
      event.preventDefault();
    };
    document.addEventListener("copy", put, { once: true });
    const done = document.execCommand("copy");
    document.removeEventListener("copy", put);
    return done;
  };
  const copy = async (code) => {
    try {
      // Browsers may lack it, or deny it to a page that is a file.
      await navigator.clipboard.writeText(code.textContent);
      say("Copied.");
    } catch {
      say(copySelected(code) ? "Copied." : "Could not copy. The text is selected: press Ctrl+C or \u2318C.");
    }
  };
  // Only where something is open: a large report holds tens of thousands of commands.
  const addCopyButtons = (root) => {
    for (const pre of root.querySelectorAll("pre")) {
      if (pre.lastElementChild.localName === "button") continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      // The style shows the label: a search must not find it.
      button.ariaLabel = "Copy: " + pre.textContent.slice(0, 60);
      const code = pre.firstElementChild;
      button.addEventListener("click", () => copy(code));
      pre.append(button);
      pre.classList.add("copied");
    }
  };
  addEventListener("toggle", (event) => event.target.open && addCopyButtons(event.target), true);
  document.querySelectorAll(".tasks, details[open]").forEach(addCopyButtons);

  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  const sections = document.getElementById("sections");
  const form = document.getElementById("find");
  const search = document.getElementById("search");
  const choices = [...form.querySelectorAll("select")];
  const found = document.getElementById("found");
  // The page holds both in one order.
  let entries = [...body.rows].map((row, at) => ({ row, section: sections.children[at] }));

  const text = (cell) => (cell.querySelector("code, .badge") ?? cell).textContent;
  const filter = () => {
    clearTimeout(waiting);
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choices.filter((choice) => choice.selectedIndex > 0);
    let shown = 0;
    for (const entry of entries) {
      let hit = chosen.every((choice) => text(entry.row.cells[choice.dataset.column]) === choice.value);
      if (hit && words.length) {
        entry.text ??= (entry.row.textContent + entry.section.textContent).toLowerCase();
        hit = words.every((word) => entry.text.includes(word));
      }
      entry.row.hidden = entry.section.hidden = !hit;
      shown += hit;
    }
    for (const choice of choices) choice.classList.toggle("chosen", choice.selectedIndex > 0);
    found.textContent = words.length || chosen.length ? `${shown} of ${entries.length}` : "";
  };
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  for (const choice of choices) choice.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  const full = document.getElementById("full");
  const expand = () => table.classList.toggle("full", full.checked);
  full.addEventListener("change", expand);
  // The fields are reset behind this event.
  form.addEventListener("reset", () => setTimeout(() => (filter(), expand())));
  for (const button of document.querySelectorAll("button.show")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      form.reset();
      document.getElementById("by-verdict").value = button.dataset.verdict;
      filter();
      form.scrollIntoView();
      document.getElementById("scroll").focus({ preventScroll: true });
    });
  }

  const collator = new Intl.Collator("en", { numeric: true });
  const key = (cell) => cell.dataset.sort ?? text(cell);
  const sort = (head, column) => {
    const falls = head.ariaSort === "ascending";
    for (const other of head.parentNode.cells) other.ariaSort = other === head ? (falls ? "descending" : "ascending") : null;
    for (const entry of entries) entry.key = key(entry.row.cells[column]);
    entries.sort((one, other) => (falls ? -1 : 1) * collator.compare(one.key, other.key));
    body.append(...entries.map((entry) => entry.row));
    sections.append(...entries.map((entry) => entry.section));
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.firstElementChild.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.firstElementChild.replaceWith(button);
  });

  // Under the pointer, a code shows its meaning, and a reason the rest of it.
  addEventListener("pointerover", (event) => {
    const code = event.target.closest(":is(#table td, .instance li) > code");
    if (code) code.title ||= document.querySelector(`#r-${code.textContent} dd`)?.textContent ?? "";
    const reason = event.target.closest("#table td > bdi");
    if (reason?.matches("br + bdi")) reason.title ||= reason.textContent + (reason.nextElementSibling?.textContent ?? "");
  });

  // A link leads to what a search had hidden, too.
  const show = () => {
    const section = document.querySelector(":target")?.closest(".instance");
    if (!section) return;
    section.firstElementChild.open = true;
    if (section.hidden) {
      section.hidden = false;
      section.scrollIntoView();
    }
  };
  addEventListener("hashchange", show);
  show();
  form.hidden = false;
})();
