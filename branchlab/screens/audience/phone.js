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
    const texts = asked.choices.map((choice, place) => asked.tally ? `${choice}: ${asked.tally[place]}` : choice);
    fill(by("choices"), "button", texts);
    [...by("choices").children].forEach((button, choice) => {
      button.type = "button";
      button.disabled = !asked.open;
      button.setAttribute("aria-pressed", String(asked.mine === choice));
      button.onclick = () => vote(asked.id, choice);
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
  const vote = async (question, choice) => {
    try {
      await fetch("/audience/vote", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ question, choice }) });
    } catch { /* the next answer shows whether it counts */ }
  };
  ask();
})();
