// What a page gains by script; without it everything works. "/" goes to the search box.
"use strict";
document.addEventListener("keydown", (event) => {
  const at = document.activeElement;
  const typing = at && (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName));
  const box = document.querySelector(".find input");
  if (event.key === "/" && !typing && box && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// Where the menu is wider than the page, it shows where the page stands in it.
const here = document.querySelector(".menu [aria-current]");
if (here) { here.parentElement.parentElement.parentElement.scrollLeft = here.offsetLeft - 80; }

// A region that says where to listen is asked for again when something happened.
const region = document.querySelector("[data-live]");
if (region && region.id && window.EventSource) {
  const source = new EventSource(region.dataset.live);
  const mark = document.querySelector(".live");
  let asking = false;
  let again = false;
  const ask = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(region.id);
      if (answer.ok && fresh && !region.contains(document.activeElement)) {
        // What was unfolded stays so.
        const open = [...region.querySelectorAll("details")].map((one) => one.open);
        region.replaceChildren(...fresh.childNodes);
        const now = region.querySelectorAll("details");
        if (now.length === open.length) { now.forEach((one, index) => { one.open = open[index]; }); }
        if (!fresh.dataset.live) { source.close(); }
      }
    } catch { /* The next hint asks again. */ }
    asking = false;
    if (again) { again = false; ask(); }
  };
  source.addEventListener("changed", ask);
  source.addEventListener("open", () => { if (mark) { mark.hidden = false; } });
  source.addEventListener("error", () => { if (mark) { mark.hidden = true; } });
  window.addEventListener("pagehide", () => source.close());
}
