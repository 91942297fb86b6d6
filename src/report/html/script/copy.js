// Copying: exactly the text of a command or a query.
let saying;
const say = (text) => {
  const said = document.getElementById("said");
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
