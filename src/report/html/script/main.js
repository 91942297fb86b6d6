
// Search, filters and sorting.
const start = () => {
  const form = document.getElementById("find");
  const search = document.getElementById("search");
  const choices = [...form.querySelectorAll("select")];
  const found = document.getElementById("found");
  const table = document.getElementById("table");
  const full = document.getElementById("full");

  const filter = () => {
    clearTimeout(waiting);
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean).map(matcher);
    const chosen = choices.filter((choice) => choice.selectedIndex > 0);
    matching = entries.filter((entry) =>
      chosen.every((choice) => COLUMNS[choice.dataset.column](entry.row) === choice.value) &&
      words.every((matches) => matches(entry.row)));
    for (const choice of choices) choice.classList.toggle("chosen", choice.selectedIndex > 0);
    render();
    found.textContent = words.length || chosen.length ? `${matching.length} of ${entries.length}` : "";
  };
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 50);
  });
  for (const choice of choices) choice.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  const expand = () => table.classList.toggle("full", full.checked);
  full.addEventListener("change", expand);
  // The fields are reset behind this event.
  form.addEventListener("reset", () => setTimeout(() => (filter(), expand())));
  for (const button of document.querySelectorAll("button.show[data-verdict]")) {
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
  const sort = (head, column) => {
    const falls = head.ariaSort === "ascending";
    for (const other of head.parentNode.cells) other.ariaSort = other === head ? (falls ? "descending" : "ascending") : null;
    const key = column === VERDICT ? (row) => String(row[AT.rank]) : COLUMNS[column];
    for (const entry of entries) entry.key = key(entry.row);
    entries.sort((one, other) => (falls ? -1 : 1) * collator.compare(one.key, other.key));
    filter();
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", { type: "button" }, ...head.firstElementChild.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.firstElementChild.replaceWith(button);
  });

  // Under the pointer, a code shows its meaning, and a reason the rest of it.
  addEventListener("pointerover", (event) => {
    const code = event.target.closest(":is(#table td, .instance li) > code");
    if (code) code.title ||= document.getElementById(`r-${code.textContent}`)?.querySelector("dd")?.textContent ?? "";
    const reason = event.target.closest("#table td > br + bdi");
    if (reason) reason.title ||= reason.textContent + (reason.nextElementSibling?.textContent ?? "");
  });

  // A link leads to what is not shown, too.
  const instances = [...entries];
  const show = () => {
    const entry = instances[/^#i(\d+)$/.exec(location.hash)?.[1]];
    if (!entry) return;
    open(entry);
    if (!entry.section.isConnected) document.getElementById("sections").prepend(entry.section);
    entry.section.scrollIntoView();
    entry.section.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", show);
  addEventListener("click", (event) => event.target.closest("a")?.hash === location.hash && show());

  // Paper has all rows, and the details of some.
  addEventListener("beforeprint", () => {
    grow(0, matching.length);
    grow(1, PRINTED);
    matching.slice(0, PRINTED).forEach(fill);
  });
  addEventListener("afterprint", render);

  matching = entries;
  render();
  for (const it of [form, document.getElementById("scroll"), document.getElementById("details")]) it.hidden = false;
  if (entries.length === 1) open(entries[0]);
  show();
};

// The plain table is hidden before it is laid out, and is shown again if something fails.
const root = document.documentElement;
root.classList.add("scripted");
addEventListener("DOMContentLoaded", () => {
  try {
    for (const tasks of document.querySelectorAll(".tasks")) addCopyButtons(tasks);
    const plain = document.getElementById("plain");
    const isWhole = document.getElementById("said");
    if (isWhole && !plain) return;
    data = JSON.parse(document.getElementById("data").textContent);
    entries = data.rows.map((row, number) => ({ row, number }));
    start();
    plain.remove();
  } catch (error) {
    root.classList.remove("scripted");
    const why = "The page is incomplete, or this browser is too old for it. Instances may be missing below. Save the report again.";
    document.body.prepend(element("p", { className: "alert", role: "alert" }, element("b", {}, why)));
    throw error;
  }
});
