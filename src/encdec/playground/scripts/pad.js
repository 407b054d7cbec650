// A pad to draw on. Its value is the strokes as JSON, a list of lists of points [x, y] in a square of 280 x 280.
// `element`, `props`, `trigger` and `watch` are what gr.HTML gives to a component's own script.
const SIDE = 280, BRUSH = 26, STEP = 10, WAIT = 250;
const canvas = element.querySelector(".pad-canvas");
const pen = canvas.getContext("2d");
const said = element.querySelector(".pad-said");
let strokes = [], drawing = null, down = false, keyboard = false, place = [SIDE / 2, SIDE / 2], timer = null;

function show() {
  pen.clearRect(0, 0, SIDE, SIDE);
  pen.lineCap = pen.lineJoin = "round";
  pen.lineWidth = BRUSH;
  pen.strokeStyle = "#111827";
  for (const stroke of strokes) {
    pen.beginPath();
    pen.moveTo(...stroke[0]);
    stroke.forEach((point) => pen.lineTo(...point));
    pen.stroke();
  }
  if (keyboard) {
    pen.beginPath();
    pen.lineWidth = 2;
    pen.strokeStyle = down ? "#b91c1c" : "#2563eb";
    pen.arc(...place, BRUSH / 2, 0, 2 * Math.PI);
    pen.stroke();
  }
  canvas.dataset.strokes = strokes.length;
}

function send() {
  clearTimeout(timer);
  props.value = JSON.stringify(strokes);
  trigger("input");
}

function sendSoon() {
  clearTimeout(timer);
  timer = setTimeout(send, WAIT);
}

function at(event) {
  const box = canvas.getBoundingClientRect();
  const scaled = [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  return scaled.map((each) => Math.round(10 * Math.min(SIDE, Math.max(0, each))) / 10);
}

function undo() {
  strokes.pop();
  drawing = null;
  down = false;
  show();
  send();
}

function clear() {
  strokes = [];
  drawing = null;
  down = false;
  show();
  send();
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || drawing !== null) return; // a second finger draws nothing
  canvas.setPointerCapture(event.pointerId);
  drawing = event.pointerId;
  keyboard = down = false;
  strokes.push([at(event)]);
  show();
});
canvas.addEventListener("pointermove", (event) => {
  if (drawing !== event.pointerId) return;
  strokes[strokes.length - 1].push(at(event));
  show();
});
canvas.addEventListener("dragstart", (event) => event.preventDefault()); // of text selected around the pad
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    if (drawing !== event.pointerId) return;
    drawing = null;
    send();
  });
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  if (move) {
    keyboard = true;
    place = place.map((each, axis) => Math.min(SIDE, Math.max(0, each + STEP * move[axis])));
    if (down) {
      strokes[strokes.length - 1].push(place);
      sendSoon();
    }
  } else if (event.key === " ") {
    keyboard = true;
    down = !down;
    if (down) strokes.push([place]);
    else send();
    said.textContent = down ? "Pen down" : "Pen up";
  } else if (event.key === "Backspace") undo();
  else if (event.key === "Delete") clear();
  else return;
  event.preventDefault();
  show();
});
canvas.addEventListener("blur", () => {
  if (down) send();
  keyboard = down = false;
  show();
});
element.querySelector(".pad-undo").addEventListener("click", undo);
element.querySelector(".pad-clear").addEventListener("click", clear);
watch("value", () => {
  if (props.value) return;
  strokes = [];
  drawing = null;
  show();
});
show();
canvas.dataset.ready = "true";
