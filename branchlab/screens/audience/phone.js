// A phone in the room: asks once a second, shows what it is told, and sends a vote. Nothing else.
(() => {
  const body = document.body, by = id => document.getElementById(id);
  let heard = performance.now();
  const fill = (parent, tag, texts) => {
    while (parent.children.length > texts.length) parent.lastChild.remove();
    while (parent.children.length < texts.length) parent.append(document.createElement(tag));
    texts.forEach((text, place) => { if (parent.children[place].textContent !== text) parent.children[place].textContent = text; });
  };
  const set = (id, text) => { if (by(id).textContent !== text) by(id).textContent = text; };
  const show = told => {
    set("clock", told.clock); set("verdict", told.verdict);
    fill(by("story"), "li", told.story);
    const list = by("nodes");
    while (list.children.length > told.nodes.length) list.lastChild.remove();
    told.nodes.forEach((node, place) => {
      let row = list.children[place];
      if (!row) { row = document.createElement("li"); row.append(...["b", "span", "span"].map(tag => document.createElement(tag))); list.append(row); }
      row.className = node.fresh ? "" : "silent";
      [node.name, node.said, `${node.waiting} ${body.dataset.wait}`].forEach((text, part) => {
        if (row.children[part].textContent !== text) row.children[part].textContent = text;
      });
    });
    const asked = told.question;
    by("asked").hidden = !asked;
    if (!asked) return;
    set("text", asked.text);
    by("said").hidden = asked.of === "choice";
    by("choices").hidden = asked.of !== "choice";
    if (asked.of !== "choice") answer(asked);
    const texts = asked.choices.map((choice, place) => asked.tally ? `${choice}: ${asked.tally[place]}` : choice);
    fill(by("choices"), "button", texts);
    [...by("choices").children].forEach((button, choice) => {
      button.type = "button";
      button.disabled = !asked.open;
      button.setAttribute("aria-pressed", String(asked.mine === choice));
      button.onclick = () => vote(asked.id, { choice });
    });
    set("voted", asked.open ? (asked.mine === null ? "" : body.dataset.voted) : body.dataset.over);
  };
  const ask = async () => {
    try {
      const answer = await fetch(`/audience/state?lang=${body.dataset.language}`, { cache: "no-store", signal: AbortSignal.timeout(3000) });
      if (answer.ok) { show(await answer.json()); heard = performance.now(); }
    } catch { /* said below */ }
    by("stale").hidden = performance.now() - heard < 2500;
    setTimeout(ask, 1000);
  };
  // A number is typed; a line has a few strokes, so that fingers, keys and screen readers can all draw it.
  let shownFor = 0;
  const STROKES = 5;
  const answer = asked => {
    by("send").disabled = !asked.open;
    if (shownFor === asked.id) return;
    shownFor = asked.id;
    const isLine = asked.of === "curve";
    by("number").parentElement.hidden = isLine;
    by("paper").toggleAttribute("hidden", !isLine);
    by("strokes").replaceChildren();
    by("number").value = "";
    if (!isLine) { by("send").onclick = () => by("number").checkValidity() && by("number").value !== "" && vote(asked.id, { number: by("number").valueAsNumber }); return; }
    const values = Array(STROKES).fill(0), at = place => asked.seconds * (place + 1) / STROKES;
    const draw = () => {
      const points = [0, ...values].map((value, place) => `${40 + 250 * place / STROKES} ${110 - 100 * Math.min(value, asked.top) / asked.top}`);
      by("drawn").setAttribute("d", `M${points.join(" L")}`);
    };
    values.forEach((_, place) => {
      const label = document.createElement("label"), stroke = document.createElement("input"), said = document.createElement("output");
      const moment = `${+at(place).toPrecision(3)} s`;
      Object.assign(stroke, { type: "range", min: 0, max: asked.top, step: asked.top / 40, value: 0 });
      stroke.setAttribute("aria-label", moment);
      stroke.oninput = () => { values[place] = stroke.valueAsNumber; said.textContent = stroke.value; draw(); };
      said.textContent = "0";
      label.append(moment, stroke, said);
      by("strokes").append(label);
    });
    set("top", String(asked.top)); set("end", `${asked.seconds} s`);
    draw();
    by("send").onclick = () => vote(asked.id, { line: [[0, 0], ...values.map((value, place) => [at(place), value])] });
  };
  const vote = async (question, said) => {
    try {
      await fetch("/audience/vote", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ question, ...said }) });
    } catch { /* the next answer shows whether it counts */ }
  };
  ask();
})();
