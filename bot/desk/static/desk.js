// Keeps a list fresh without a reload: fetches the same page once a minute and swaps its <main>.
// Never while somebody works in it. Without scripts the page says when it was made, and reloads by hand.
(function () {
  "use strict";
  var main = document.querySelector("main[data-refresh]");
  if (!main || !window.fetch || !window.DOMParser) { return; }
  var pause = Number(main.getAttribute("data-refresh")) * 1000;

  function busy() {
    return document.hidden || main.contains(document.activeElement) || main.querySelector("details[open]");
  }

  function age() {
    var mark = document.querySelector(".live");
    if (mark) { mark.classList.add("old"); }
  }

  function swap(text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    var fresh = page.querySelector("main[data-refresh]");
    if (!fresh || busy()) { return; }
    var before = main.querySelectorAll(".unanswered").length;
    main.replaceChildren.apply(main, Array.prototype.slice.call(fresh.childNodes));
    [".live", ".tabs"].forEach(function (name) {
      var mine = document.querySelector(name), theirs = page.querySelector(name);
      if (mine && theirs) { mine.replaceWith(theirs); }
    });
    var spoken = document.getElementById("spoken");
    if (spoken && main.querySelectorAll(".unanswered").length > before) {
      spoken.textContent = spoken.getAttribute("data-new-alert");
    }
  }

  window.setInterval(function () {
    if (busy()) { return; }
    fetch(location.href, { credentials: "same-origin", headers: { "X-Maraba-Refresh": "1" } })
      .then(function (answer) {
        if (answer.redirected) { location.reload(); return ""; }
        if (!answer.ok) { age(); return ""; }
        return answer.text();
      })
      .then(function (text) { if (text) { swap(text); } })
      .catch(age);
  }, pause);
}());
