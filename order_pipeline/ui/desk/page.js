"use strict";
// Sends a person's word and shows the page anew; who says it is remembered in this browser.
const said = document.getElementById("said");
const NAME = "order_pipeline_who", DONE = "order_pipeline_said";

function tell(text, isWrong) {
  said.textContent = text;
  said.classList.toggle("wrong", isWrong);
  said.scrollIntoView({ block: "nearest" });
}

async function send(form) {
  const { action, subject, source } = form.dataset;
  const body = { action, subject, source: source || null, reason: form.reason.value, who: form.who.value };
  const answer = await fetch("/desk/actions", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail);
  localStorage.setItem(NAME, form.who.value);
  sessionStorage.setItem(DONE, told.said);
  location.reload();
}

for (const form of document.querySelectorAll("form[data-action]")) {
  form.who.value = localStorage.getItem(NAME) || "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    send(form).catch((error) => tell(error.message, true)).finally(() => { button.disabled = false; });
  });
}

const done = sessionStorage.getItem(DONE);
if (done) {
  sessionStorage.removeItem(DONE);
  tell(done, false);
}
