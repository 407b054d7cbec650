"use strict";
// Two things that the page can do without: enlarging figures, and showing what runs.html beside it says.
// Everything that comes from there is put in as text; a link leads to http: or https: or is none.

const byId = (id) => document.getElementById(id);

function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function moment(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const date = new Date(seconds * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function webAddress(text) {
  try {
    const address = new URL(text);
    return address.protocol === "http:" || address.protocol === "https:" ? address.href : null;
  } catch {
    return null;
  }
}

function linkTo(line) {
  const name = String(line.run).slice(0, 8);
  const address = webAddress(line.link);
  if (address === null) return document.createTextNode(name);
  const link = document.createElement("a");
  link.href = address;
  link.rel = "noreferrer";
  link.textContent = name;
  return link;
}

function details(line, withTime) {
  const parts = [];
  if (withTime && Number.isFinite(line.seconds)) parts.push(duration(line.seconds));
  if (Number.isFinite(line.started)) parts.push(moment(line.started));
  if (line.commit) parts.push(`commit ${String(line.commit).replace(/^([0-9a-f]{7})[0-9a-f]*/, "$1")}`);
  return parts.join(", ");
}

function describe(place, line, words) {
  place.textContent = "";
  if (!line.run) {
    place.append(`${words}restored from DVC's cache: no run of it here`);
    return;
  }
  place.append(`${words}${line.state === "restored" ? "restored from DVC's cache, MLflow run " : "MLflow run "}`);
  place.append(linkTo(line));
  const more = details(line, !("brief" in place.dataset));
  if (more) place.append(` (${more})`);
}

function showRuns(runs) {
  const stages = new Map(Object.entries(runs.stages));
  for (const place of document.querySelectorAll("[data-time]")) {
    const line = stages.get(place.dataset.time);
    if (!line) continue;
    place.textContent = line.state === "ran" ? duration(line.seconds) : line.state === "restored" ? "cached" : "";
  }
  for (const place of document.querySelectorAll("[data-run]")) {
    const line = stages.get(place.dataset.run);
    if (line) describe(place, line, place.dataset.words || "");
  }
  const all = [...stages.values()].filter((line) => line.state === "ran" && Number.isFinite(line.seconds));
  const note = byId("runs-note");
  const total = duration(all.reduce((sum, line) => sum + line.seconds, 0));
  note.textContent = `Times: the run that made what this page shows, ${all.length} stages, ${total} together.`;
  if (runs.repro) {
    note.append(" Last ");
    const command = document.createElement("code");
    command.textContent = "dvc repro";
    note.append(command, ": ");
    const place = document.createElement("span");
    describe(place, runs.repro, "");
    note.append(place, ".");
  }
  note.append(" The links lead to the MLflow UI, while it runs: ");
  const ui = document.createElement("code");
  ui.textContent = "make ui";
  note.append(ui, ".");
}

function readRuns(text) {
  const runs = JSON.parse(text);
  if (typeof runs !== "object" || runs === null || typeof runs.stages !== "object" || runs.stages === null) return null;
  return runs;
}

function askForRuns() {
  if (!["file:", "http:", "https:"].includes(location.protocol)) return;
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.title = "Times and MLflow runs";
  frame.hidden = true;
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || typeof event.data !== "string") return;
    const runs = readRuns(event.data);
    if (runs === null) return;
    if (runs.page === document.querySelector("meta[name=encdec-page]").content) showRuns(runs);
    else byId("runs-other").hidden = false;
  });
  frame.src = document.body.dataset.runs;
  document.body.append(frame);
}

function inFullSize(image) {
  const copy = image.cloneNode();
  copy.removeAttribute("width");
  copy.removeAttribute("height");
  return copy;
}

function enlarge(picture) {
  const dialog = byId("large");
  byId("large-picture").replaceChildren(...[...picture.children].map(inFullSize));
  dialog.showModal();
}

for (const picture of document.querySelectorAll("figure .picture")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "zoom";
  button.setAttribute("aria-haspopup", "dialog");
  picture.replaceWith(button);
  button.append(picture);
  button.addEventListener("click", () => enlarge(picture));
}
byId("large-close").addEventListener("click", () => byId("large").close());
byId("large").addEventListener("click", (event) => {
  if (event.target === byId("large")) byId("large").close();
});

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const each of opened) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of opened) each.open = false;
});

askForRuns();
