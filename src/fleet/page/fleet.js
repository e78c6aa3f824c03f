// The page of a queue: asks for the overview every second and shows it.
"use strict";

const $ = (id) => document.getElementById(id);
const states = ["done", "running", "waiting", "dead", "cancelled"];

/** A time as people say it. */
function spoken(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (minutes < 100) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
}

const megapixels = (pixels) => (pixels / 1e6).toFixed(1);

/** A slide, or some rows of its families. */
function named({ source, rows }) {
  if (!rows) return source;
  const [first, last] = [rows[0], rows[1] - 1];
  return first === last ? `${source}, row ${first} of families` : `${source}, rows ${first} to ${last} of families`;
}

/** Fills a table; rows are lists of cells, numbers at the right. A list without rows is hidden. */
function table(id, rows, gone = () => false) {
  $(id).hidden = rows.length === 0;
  const made = rows.map((cells, i) => {
    const row = document.createElement("tr");
    row.className = gone(i) ? "gone" : "";
    for (const cell of cells) {
      const field = row.insertCell();
      field.textContent = String(cell);
      field.className = typeof cell === "number" || /^(–|[\d.]+( of \d+)?)$/.test(cell) ? "n" : "";
    }
    return row;
  });
  $(id).querySelector("tbody").replaceChildren(...made);
}

function facts(status) {
  const sum = (what) => Object.values(status.units).reduce((sum, count) => sum + count[what], 0);
  const all = sum("units");
  const facts = states.filter((s) => s === "done" || status.units[s].units > 0).map((s) => [s, status.units[s].units]);
  facts[0][1] = `${facts[0][1]} of ${all}`;
  const bands = sum("bands");
  if (bands > status.units.done.bands) facts.push(["bands done", `${status.units.done.bands} of ${bands}`]);
  if (status.pixels_per_s > 0) facts.push(["megapixels/s", megapixels(status.pixels_per_s)]);
  if (status.left_s > 0) facts.push(["left, about", spoken(status.left_s)]);
  if (status.families > 0) facts.push(["families", status.families]);
  if (status.cost > 0) facts.push(["cost so far", status.cost.toFixed(2)]);
  // A band is a part of its slide's bytes, so the bar moves with each.
  const what = sum("bytes") > 0 ? "bytes" : "units";
  $("progress").max = Math.max(1, sum(what));
  $("progress").value = status.units.done[what];
  $("counts").replaceChildren(...facts.map(([name, value]) => {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    term.textContent = name;
    said.textContent = String(value);
    pair.append(term, said);
    return pair;
  }));
}

function show(status) {
  $("places").textContent = `${status.queue}: results in ${status.results}`;
  $("message").textContent = status.over ? "Nothing waits and nothing runs." : "";
  $("message").className = "";
  $("all").hidden = false;
  facts(status);
  const workers = [...status.workers].sort((a, b) => b.live - a.live);
  table("workers", workers.map((w) => [w.name, w.units, w.families, w.live ? megapixels(w.pixels_per_s) : "gone", w.cost.toFixed(2)]),
    (i) => !workers[i].live);
  table("running", status.running.map((u) => [named(u), u.worker, u.attempt, u.progress.of > 0 ? `${u.progress.families} of ${u.progress.of}` : "–"]));
  // Most reasons begin with the name of the file, which is beside them.
  const reason = (u) => (u.fault?.message ?? "no reason is known").replace(`${u.source}: `, "");
  table("dead", status.dead.map((u) => [named(u), reason(u), u.attempts]));
}

async function look() {
  try {
    const answer = await fetch("/api/status");
    const status = await answer.json();
    if (!answer.ok) throw new Error(status.error);
    show(status);
  } catch (error) {
    $("message").textContent = `The queue cannot be read: ${error.message}`;
    $("message").className = "wrong";
  }
  setTimeout(look, 1000);
}

look();
