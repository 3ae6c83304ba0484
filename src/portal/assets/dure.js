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
