"use strict";
// Finds words in what the page holds already; a table named by the address is opened.
const form = document.getElementById("search"), query = document.getElementById("query");
const personal = document.getElementById("personal"), found = document.getElementById("found");
const entries = [...document.querySelectorAll("details.entry")].map((box) => ({
  box,
  about: box.querySelector("summary").textContent.toLowerCase(),
  rows: [...box.querySelectorAll("tbody tr")].map((row) => ({
    row, text: row.textContent.toLowerCase(), isPersonal: row.hasAttribute("data-personal"),
  })),
}));

function show(element, isShown) { element.toggleAttribute("data-out", !isShown); }

function find() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isAsked = words.length > 0 || personal.checked;
  const has = (text) => words.every((word) => text.includes(word));
  let tables = 0, columns = 0;
  for (const { box, about, rows } of entries) {
    const isNamed = has(about);
    let hits = 0;
    for (const { row, text, isPersonal } of rows) {
      const isHit = (isNamed || has(`${about} ${text}`)) && (isPersonal || !personal.checked);
      show(row, isHit);
      hits += isHit ? 1 : 0;
    }
    const isHit = hits > 0 || (isNamed && !personal.checked);
    show(box, isHit);
    box.open = isAsked && isHit && !(isNamed && words.length === 0);
    tables += isHit ? 1 : 0;
    columns += hits;
  }
  for (const section of document.querySelectorAll("main section")) {
    show(section, section.querySelector("details.entry:not([data-out])") !== null);
  }
  found.textContent = isAsked ? `${tables} tables, ${columns} columns` : "";
}

function openNamed() {
  const box = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(box instanceof HTMLDetailsElement)) return;
  if (box.hasAttribute("data-out")) { query.value = ""; personal.checked = false; find(); }
  box.open = true;
  box.scrollIntoView();
  box.querySelector("summary").focus({ preventScroll: true });
}

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
query.addEventListener("input", find);
personal.addEventListener("change", find);
addEventListener("hashchange", openNamed);
openNamed();
