"use strict";
// The same rules as in the terminal: the text goes at pace, the clock goes on while it is held.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
let walk, words, spans, position, talk, spoken, held, paused, last, shown;

const clock = (s) => {
  const whole = Math.round(Math.abs(s));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
const finished = () => position >= walk.seconds;

function index() {
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle][3] <= position) low = middle + 1; else high = middle;
  }
  return Math.max(0, low - 1);
}

function open(number) {
  walk = data.walks[number];
  words = walk.words;
  position = talk = 0;
  spoken = walk.passages.map(() => 0);
  held = false;
  paused = true;
  shown = "";
  layOut();
  show();
}

function layOut() {
  const text = $("text");
  text.replaceChildren();
  spans = [];
  let paragraph;
  words.forEach(([word, passage, , , number], i) => {
    if (i === 0 || words[i - 1][1] !== passage) {
      const title = document.createElement("h2");
      title.textContent = walk.passages[passage].title;
      paragraph = document.createElement("p");
      text.append(title, paragraph);
    }
    const span = document.createElement("span");
    span.textContent = word;
    span.dataset.number = number;
    paragraph.append(span, " ");
    spans.push(span);
  });
}

function layOutPoints(passage) {
  const title = document.createElement("h2");
  title.textContent = passage.title;
  const list = document.createElement("ul");
  for (const point of passage.points) {
    const item = document.createElement("li");
    item.textContent = point;
    list.append(item);
  }
  $("text").replaceChildren(title, list);
}

function show() {
  const at = index(), [, passage, sentence] = words[at], over = finished();
  const part = walk.passages[passage];
  $("title").textContent = part.title;
  $("clocks").textContent =
    `chapter ${clock(spoken[passage])} / ${clock(part.seconds)}   walk ${clock(talk)} / ${clock(walk.seconds)}`;
  const lead = position - talk;
  $("lead").textContent = Math.abs(lead) < 2 ? "on time" : `${clock(lead)} ${lead > 0 ? "ahead" : "behind"}`;
  $("lead").className = lead <= -2 ? "behind" : "ahead";
  $("done").style.width = `${100 * position / walk.seconds}%`;
  $("go").textContent = over ? "Again" : paused ? "Begin" : held ? "Go on" : "Hold";
  const points = $("points").checked, hide = $("hide").checked;
  const now = `${at} ${over} ${points} ${hide} ${passage}`;
  if (now === shown) return;
  const layout = points ? `points ${passage}` : "text";
  if ($("text").dataset.layout !== layout) {
    $("text").dataset.layout = layout;
    $("text").classList.toggle("points", points);
    if (points) layOutPoints(part); else layOut();
    $("text").scrollTop = 0;
  }
  shown = now;
  if (points) return;
  spans.forEach((span, i) => {
    const said = over || i < at;
    span.className = said ? "said" : i === at ? "now" : words[i][2] === sentence ? "sentence" : "";
    if (span.dataset.number === "1") span.classList.add("number");
    span.classList.toggle("masked", hide && span.dataset.number === "1" && !said);
  });
  const text = $("text"), span = spans[at];
  text.scrollTop = span.offsetTop - text.offsetTop - 0.3 * text.clientHeight;
}

function tick() {
  // Browsers slow the timers of a page that nobody sees: then hardly any time passes here either.
  const now = performance.now(), seconds = Math.min(0.25, (now - (last ?? now)) / 1000);
  last = now;
  if (!paused && !finished() && $("drill").hidden) {
    talk += seconds;
    spoken[words[index()][1]] += seconds;
    if (!held) position = Math.min(walk.seconds, position + seconds * $("pace").value / data.wpm);
    show();
  }
}

function go() {
  if (finished()) open($("walk").value);
  else if (paused) paused = held = false;
  else held = !held;
  show();
}

function step(forward) {
  const sentence = words[index()][2];
  const start = (n) => words.find((word) => word[2] === n)?.[3];
  if (forward) position = start(sentence + 1) ?? walk.seconds;
  else position = start(position - start(sentence) < 1 && sentence > 0 ? sentence - 1 : sentence);
  show();
}

function ask() {
  if (!$("drill").hidden && $("answer").hidden) {
    $("answer").hidden = false;
    return;
  }
  const [of, question, answer] = data.questions[Math.floor(Math.random() * data.questions.length)];
  $("of").textContent = of;
  $("question").textContent = question;
  $("answer").textContent = answer;
  $("answer").hidden = true;
  $("drill").hidden = false;
  $("text").hidden = true;
}

function leaveDrill() {
  $("drill").hidden = true;
  $("text").hidden = false;
}

data.walks.forEach((each, i) => $("walk").append(new Option(`${each.name}, ${clock(each.seconds)}`, i)));
$("pace").value = data.wpm;
$("walk").onchange = () => { leaveDrill(); $("text").dataset.layout = "text"; open($("walk").value); };
$("go").onclick = () => { leaveDrill(); go(); };
$("back").onclick = () => { leaveDrill(); step(false); };
$("on").onclick = () => { leaveDrill(); step(true); };
$("ask").onclick = ask;
$("points").onchange = $("hide").onchange = () => show();
$("size").oninput = () => document.documentElement.style.setProperty("--size", `${$("size").value}px`);
document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|BUTTON/.test(event.target.tagName)) return;
  const keys = {
    " ": () => ($("drill").hidden ? go() : ask()), p: () => { paused = !paused; show(); },
    ArrowLeft: () => step(false), ArrowRight: () => step(true), d: ask, Escape: leaveDrill,
    k: () => $("points").click(), n: () => $("hide").click(),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
};
$("text").dataset.layout = "text";
if (data.walks.length) open(0);
setInterval(tick, 50);
