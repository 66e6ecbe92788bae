"use strict";
// Runs the model of this page. Nothing is fetched: what is needed stands in this page, in base64.
(() => {
const $ = (name) => document.getElementById(`try-${name}`);
const data = JSON.parse($("data").textContent);
const n = data.features.length, MANY = 12, PICKS = 8;
const values = new Float32Array(n); // what the model is asked; sliders only show it, since they round to their steps
let rows, answers, tolerances, labels, ort, session, controls, starting, asked = 0, given = 0, saying;

function bytes(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), found = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) found[i] = text.charCodeAt(i);
  return found;
}

async function unpacked(name) {
  const packed = new Blob([bytes($(`${name}-gz`).textContent)]);
  return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const floats = (base64) => new Float32Array(bytes(base64).buffer);
const row = (i) => rows.subarray(i * n, (i + 1) * n);
const labelOf = (p) => (p > data.threshold ? 1 : 0);
const percent = (p) => `${(100 * p).toFixed(1)}\u202f%`;
const whole = (count) => count.toLocaleString("en");

function shortest(value) { // the fewest digits that mean the same float32
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value).toPrecision(digits);
    if (Math.fround(text) === value) return String(Number(text));
  }
  return String(value);
}

function small(value) {
  if (value === 0 || value >= 0.001) return String(Number(value.toPrecision(2)));
  const [digits, power] = value.toExponential(1).split("e");
  return `${digits}\u202f×\u202f10${[...power].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;
}

async function answer(X) {
  const tensor = new ort.Tensor("float32", X, [X.length / n, n]);
  const found = await session.run({ [session.inputNames[0]]: tensor });
  return found[session.outputNames[0]].data;
}

async function start() {
  say("not_run", "Loading the model…");
  const script = URL.createObjectURL(new Blob([await unpacked("script")], { type: "text/javascript" }));
  ort = await import(script);
  URL.revokeObjectURL(script);
  // One thread needs no worker, and no headers that a page on a disk cannot have.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked("wasm");
  session = await ort.InferenceSession.create(bytes(data.model));
  [rows, answers, tolerances] = [data.rows, data.answers, data.tolerances].map(floats);
  labels = bytes(data.labels);
  if (await check()) {
    layOut();
    set(data.features.map((feature) => feature.quartiles[1]), "All features at their medians of the training rows.");
    $("panel").hidden = false;
    document.getElementById("try").dataset.state = "ready";
  }
}

// Held-out rows through this very browser, against what Python answered.
async function check() {
  const began = performance.now(), found = await answer(rows), ms = performance.now() - began;
  let largest = 0, beyond = 0, flips = 0;
  found.forEach((p, i) => {
    const difference = Math.abs(p - answers[i]);
    if (!(difference <= largest)) largest = difference;
    if (!(difference <= tolerances[i])) beyond++;
    if (labelOf(p) !== labelOf(answers[i])) flips++;
  });
  const sound = found.length === answers.length && beyond === 0;
  const section = document.getElementById("try");
  Object.assign(section.dataset, { state: sound ? "checked" : "failed", difference: largest, rows: found.length });
  const labelled = flips ? `${whole(flips)} labels differ` : "no label differs";
  if (sound) {
    say("passed", `Same answers as Python within ${small(largest)}: this browser has just answered `
      + `${whole(found.length)} held-out rows in ${Math.max(1, Math.round(ms))} ms; ${labelled}. `
      + `Rounding explains up to ${small(data.tolerance)} on these rows.`);
  } else {
    say("failed", `In this browser ${whole(beyond)} of ${whole(answers.length)} held-out rows differ from Python’s answers `
      + `by more than rounding explains (the largest by ${small(largest)}; ${labelled}), so the model is not offered.`);
  }
  return sound;
}

function say(kind, text) {
  $("check").className = `notice ${kind}`;
  $("check").textContent = text;
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function layOut() {
  controls = data.features.map((feature, i) => {
    const place = (value) => 100 * Math.min(1, Math.max(0, (value - feature.low) / (feature.high - feature.low)));
    const [first, median, third] = feature.quartiles.map(place);
    const number = element("input", { type: "number", step: "any", id: `try-value-${i}` });
    const slider = element("input", { type: "range", min: feature.low, max: feature.high, step: feature.step });
    slider.setAttribute("aria-label", feature.name);
    const beyond = element("p", { className: "beyond", id: `try-beyond-${i}` });
    number.setAttribute("aria-describedby", beyond.id);
    const band = element("i"), middle = element("b");
    band.style.insetInline = `${first}% ${100 - third}%`;
    middle.style.left = `${median}%`;
    const spread = element("div", { className: "spread" }, band, middle);
    spread.title = `quartiles of the training rows: ${feature.quartiles.map((q) => shortest(Math.fround(q))).join(", ")}`;
    const label = element("label", { htmlFor: number.id, textContent: feature.name });
    const whole = element("div", { className: "feature" }, label, number,
      element("div", { className: "move" }, slider, spread), beyond);
    slider.oninput = () => change(i, slider.valueAsNumber, number);
    number.oninput = () => { if (Number.isFinite(number.valueAsNumber)) change(i, number.valueAsNumber, slider); };
    number.onblur = () => { number.value = shortest(values[i]); };
    return { whole, number, slider, beyond, feature };
  });
  $("features").append(...controls.map((control) => control.whole));
  $("features").classList.toggle("many", n > MANY);
  $("find").hidden = n <= MANY;
  $("number").max = answers.length;
  $("number").placeholder = `1 to ${answers.length}`;
  $("version").textContent = `ONNX Runtime Web ${ort.env.versions.web}`;
  const menu = $("row");
  menu.append(new Option("choose…", ""));
  for (const [title, right] of [["answered right", true], ["answered wrong", false]]) {
    const group = element("optgroup", { label: title });
    group.append(...picks(right).map((i) => new Option(
      `Row ${i + 1}: ${percent(answers[i])}, is ${data.classes[labels[i]]}`, i + 1)));
    if (group.children.length) menu.append(group);
  }
}

// Rows from the surest of one class to the surest of the other.
function picks(right) {
  const all = [...answers.keys()].filter((i) => (labelOf(answers[i]) === labels[i]) === right);
  all.sort((i, j) => answers[i] - answers[j] || i - j);
  if (all.length <= PICKS) return all;
  return Array.from({ length: PICKS }, (_, k) => all[Math.round(k * (all.length - 1) / (PICKS - 1))]);
}

function change(i, value, other) {
  const limit = 3.4028234e38;
  values[i] = Math.min(limit, Math.max(-limit, value));
  other.value = other.type === "range" ? values[i] : shortest(values[i]);
  $("row").value = $("number").value = "";
  $("truth").textContent = "";
  mark(controls[i], values[i]);
  ask();
}

function mark({ whole, feature, beyond }, value) {
  const outside = value < Math.fround(feature.low) || value > Math.fround(feature.high);
  whole.classList.toggle("outside", outside);
  beyond.textContent = outside
    ? `outside of training: ${shortest(Math.fround(feature.low))} to ${shortest(Math.fround(feature.high))}` : "";
}

function set(chosen, truth) {
  values.set(chosen);
  controls.forEach((control, i) => {
    control.slider.value = values[i];
    control.number.value = shortest(values[i]);
    mark(control, values[i]);
  });
  $("truth").textContent = truth;
  ask();
}

function setRow(number) {
  const i = number - 1;
  if (!Number.isInteger(i) || i < 0 || i >= answers.length) return;
  $("number").value = number;
  $("row").value = number;
  set(row(i), `Row ${number} of the held-out rows is ${data.classes[labels[i]]}; Python answered ${answers[i].toFixed(6)}.`);
}

// The session answers one at a time; of what was asked meanwhile only the last matters.
async function ask() {
  asked++;
  if (given !== 0) return;
  while (given !== asked) {
    given = asked;
    const [p] = await answer(values.slice());
    show(p);
  }
  given = asked = 0;
}

function show(p) {
  const label = labelOf(p);
  $("arc").setAttribute("stroke-dasharray", `${100 * p} 200`);
  $("gauge").classList.toggle("one", label === 1);
  $("probability").textContent = percent(p);
  $("label").textContent = `answer: ${data.classes[label]}`;
  $("exact").value = p.toFixed(6);
  document.getElementById("try").dataset.probability = p;
  clearTimeout(saying); // a moving slider would be read out without end
  saying = setTimeout(() => { $("spoken").textContent = `${data.classes[label]}, ${percent(p)}`; }, 500);
}

async function showNotices() {
  const text = new TextDecoder();
  $("licence").textContent = `${text.decode(await unpacked("licence"))}\n\n${text.decode(await unpacked("notices"))}`;
  $("licence").hidden = false;
  $("notices").hidden = true;
}

function search() {
  const words = $("search").value.toLowerCase().split(/\s+/);
  for (const { whole, feature } of controls) {
    whole.hidden = !words.every((word) => feature.name.toLowerCase().includes(word));
  }
}

function begin() {
  starting ??= start().catch((error) => {
    document.getElementById("try").dataset.state = "failed";
    say("failed", `This browser cannot run the model: ${error.message}`);
  });
}

$("threshold").style.transform = `rotate(${180 * data.threshold}deg)`;
$("margin").textContent = `Rounding in float32 may change it by ${small(data.tolerance)}; above ${data.threshold} the answer is ${data.classes[1]}.`;
$("row").onchange = () => setRow(Number($("row").value));
$("number").oninput = () => setRow($("number").valueAsNumber);
$("random").onclick = () => setRow(1 + Math.floor(Math.random() * answers.length));
$("median").onclick = () => {
  $("row").value = $("number").value = "";
  set(data.features.map((feature) => feature.quartiles[1]), "All features at their medians of the training rows.");
};
$("search").oninput = search;
$("notices").onclick = showNotices;
// When it comes near, or when the browser has nothing else to do: the page itself waits for none of it.
const near = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) begin(); }, { rootMargin: "50%" });
near.observe(document.getElementById("try"));
addEventListener("load", () => { if (window.requestIdleCallback) requestIdleCallback(begin); });
})();
