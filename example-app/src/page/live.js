// Sends what forms say to the page's session, and puts the session's fragments of HTML in place. The session knows everything; this, nothing.
const state = document.getElementById("state");
const waitMax = 5000;
let socket, wait = 250, timer;

// A fragment replaces the element of its id, or takes it away; a new one goes to the top of what it says. The focus stays.
function patch(html) {
  const template = document.createElement("template"), focus = document.activeElement?.id;
  template.innerHTML = html;
  for (const node of [...template.content.children]) {
    const old = document.getElementById(node.id);
    if ("gone" in node.dataset) old?.remove();
    else if (old) old.replaceWith(node);
    else document.getElementById(node.dataset.into)?.prepend(node);
  }
  if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus({ preventScroll: true });
}

// What is replaced between a button's down and its up would not be clicked: fragments wait for that, but not many.
let held = null;
function receive(html) {
  if (held === null) return patch(html);
  held.push(html);
  if (held.length > 50) release();
}
function release() {
  const fragments = held ?? [];
  held = null;
  fragments.forEach(patch);
}
addEventListener("pointerdown", () => held ??= []);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(release));

// The next session begins anew: what the lost one has shown stays, as it was; what it was calculating died with it.
function keep() {
  const earlier = document.getElementById("earlier");
  const items = [...document.querySelectorAll("#list > li")];
  for (const item of items) {
    item.removeAttribute("id");
    if (item.className !== "calculating") continue;
    item.className = "error";
    item.textContent = item.textContent.replace("calculating", "error");
  }
  earlier?.prepend(...items);
  while (earlier?.children.length > 200) earlier.lastElementChild.remove();
}

function show(text, isLost) { state.textContent = text; state.classList.toggle("lost", isLost); }

function connect() {
  clearTimeout(timer);
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${document.body.dataset.socket}`);
  socket.onopen = () => { show("connected", false); wait = 250; };
  socket.onmessage = event => receive(event.data);
  socket.onclose = () => {
    keep();
    show("connection lost, trying again", true);
    timer = setTimeout(connect, wait);
    wait = Math.min(wait * 2, waitMax);
  };
}

document.addEventListener("submit", event => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify(Object.fromEntries(new FormData(event.target, event.submitter))));
  event.target.querySelector("input")?.select();
});
// A network that is gone is not always noticed by the socket; one that is back need not be waited for.
addEventListener("offline", () => show("no network", true));
addEventListener("online", () => { if (socket.readyState === WebSocket.CLOSED) connect(); else show("connected", false); });
connect();
