// Keys for those who work at a keyboard: j, k and o in lists, / t q to pages, ? for the sheet that tells them and turns
// them off. One letter alone does nothing while somebody types, or holds another key.
(function () {
  "use strict";
  var sheet = document.getElementById("keys");
  if (!sheet || !sheet.showModal) { return; }
  var SWITCH = "maraba-keys", box = sheet.querySelector("input");
  var LINKS = ".unanswered a.ticket, .row a.button, .table a.ticket";

  function wanted() {
    try { return window.localStorage.getItem(SWITCH) !== "off"; } catch (error) { return true; }
  }

  function step(by) {
    var links = Array.prototype.slice.call(document.querySelectorAll(LINKS));
    var place = links.indexOf(document.activeElement);
    var next = links[place < 0 ? (by > 0 ? 0 : links.length - 1) : place + by];
    if (next) { next.focus(); }
  }

  function open() {
    var at = document.activeElement;
    if (at && at.matches(LINKS)) { at.click(); }
  }

  var acts = {
    j: function () { step(1); },
    k: function () { step(-1); },
    o: open
  };

  function act(event) {
    var typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || sheet.open) { return; }
    if (!wanted()) { return; }
    if (event.key === "?") { event.preventDefault(); sheet.showModal(); return; }
    var link = sheet.querySelector('[data-key="' + (/^[a-z/]$/.test(event.key) ? event.key : "") + '"]');
    if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
    else if (link) { event.preventDefault(); link.click(); }
  }

  box.checked = wanted();
  box.addEventListener("change", function () {
    try { window.localStorage.setItem(SWITCH, box.checked ? "on" : "off"); } catch (error) { box.checked = true; }
  });
  document.addEventListener("keydown", act);
  document.querySelectorAll("[data-opens-keys]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { sheet.showModal(); });
  });
}());
