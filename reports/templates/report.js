"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];

  // The current section: its link is marked, its name stands in the bar.
  const links = all(".contents a[href^='#']"), here = document.getElementById("here");
  const places = links.map(link => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    let current = 0;
    places.forEach((place, at) => { if (place && place.getBoundingClientRect().top < innerHeight / 3) current = at; });
    links.forEach((link, at) => at === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"));
    here.textContent = links.length ? links[current].textContent : "";
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; mark(); }); }
  }, {passive: true});
  mark();

  // The list of contents closes when a place is chosen, on Escape, and when something else is clicked.
  const contents = document.querySelector(".contents");
  contents.addEventListener("click", event => { if (event.target.closest("a")) contents.open = false; });
  document.addEventListener("click", event => { if (!contents.contains(event.target)) contents.open = false; });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && contents.open) { contents.open = false; contents.querySelector("summary").focus(); }
  });

  // What is folded opens where a link leads into it.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    all("td details", target.tagName === "TR" ? target : document.createElement("p")).forEach(folded => { folded.open = true; });
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();

  // A heading of a table sorts its rows: by number where cells have one, by text else; missing cells stay last.
  const key = cell => {
    const data = cell && cell.querySelector("data");
    const text = cell ? cell.textContent.trim() : "";
    return data ? Number(data.value) : text === "–" || text === "" ? null : text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  all("table").forEach(table => {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 3) return;
    all("thead th", table).forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const falling = heading.getAttribute("aria-sort") === "ascending";
        all("th[aria-sort]", table).forEach(other => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const keyed = [...body.rows].map(row => [key(row.cells[column]), row]);
        keyed.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : falling ? compare(b, a) : compare(a, b));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  });

  // The search: sections, figures and tables of this page by all their text, those of the other page by their names.
  const form = document.querySelector(".search"), box = document.getElementById("search"), hits = document.getElementById("hits");
  const elsewhere = document.getElementById("elsewhere");
  const name = place => (place.querySelector("h2, h3, caption, figcaption") || place).textContent.trim().slice(0, 90);
  const known = [
    ...all("main section[id], main figure[id], main .table[id], main li[id]").map(place => ({
      to: "#" + place.id, name: name(place), text: place.textContent.toLowerCase(),
    })),
    ...(elsewhere ? JSON.parse(elsewhere.textContent) : []).map(entry => ({...entry, text: entry.name.toLowerCase()})),
  ];
  form.hidden = false;
  const find = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const met = words.length ? known.filter(place => words.every(word => place.text.includes(word))).slice(0, 12) : [];
    hits.replaceChildren(...met.map(place => {
      const row = document.createElement("li"), link = document.createElement("a");
      link.href = place.to;
      link.textContent = place.name;
      row.append(link);
      return row;
    }));
    if (words.length && !met.length) hits.append(Object.assign(document.createElement("li"), {textContent: "Nothing has all these words."}));
    hits.hidden = !words.length;
  };
  box.addEventListener("input", find);
  form.addEventListener("submit", event => {
    event.preventDefault();
    const first = hits.querySelector("a");
    if (first) first.click();
  });
  hits.addEventListener("click", () => { hits.hidden = true; });
  form.addEventListener("keydown", event => { if (event.key === "Escape") { hits.hidden = true; box.focus(); } });
  form.addEventListener("focusout", event => { if (!form.contains(event.relatedTarget)) hits.hidden = true; });
})();
