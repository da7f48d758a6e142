"use strict";
const find = (id) => document.getElementById(id);
const search = new URLSearchParams(location.search);

// Where hosts cannot name this page's own canister its address does, and so do the addresses it asks.
function endpoint(name, parameters) {
  const query = new URLSearchParams(parameters);
  if (search.has("canisterId")) query.set("canisterId", search.get("canisterId"));
  return `/candid/${name}?${query}`;
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

async function ask(url, content) {
  const options = content === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) };
  const response = await fetch(url, options);
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("application/json")) throw new Error((await response.text()).trim() || `HTTP ${response.status}`);
  return response.json();
}

function argumentField(method, argument, index) {
  const id = `${method.name}-${index}`;
  const area = make("textarea", { id, value: argument.example ?? "", spellcheck: false, autocomplete: "off" });
  area.rows = Math.min(14, Math.max(1, area.value.split("\n").length));
  area.addEventListener("input", () => { area.rows = Math.min(14, Math.max(area.rows, area.value.split("\n").length)); });
  const mistake = make("p", { id: `${id}-mistake`, className: "mistake" });
  area.setAttribute("aria-describedby", mistake.id);
  const words = method.arguments.length > 1 ? `Argument ${index + 1} ` : "Argument ";
  const label = make("label", { htmlFor: id }, words, make("span", { className: "type", textContent: argument.type }));
  return { node: make("div", {}, label, area, mistake), area, mistake };
}

function show(parts, answer, milliseconds) {
  for (const field of parts.fields) {
    field.mistake.textContent = "";
    field.area.removeAttribute("aria-invalid");
  }
  for (const { index, text } of answer.mistakes ?? []) {
    parts.fields[index].mistake.textContent = text;
    parts.fields[index].area.setAttribute("aria-invalid", "true");
  }
  if (answer.mistakes) parts.fields[answer.mistakes[0].index].area.focus();
  parts.outcome.textContent = answer.title;
  parts.outcome.className = `outcome ${answer.outcome === "reply" ? "reply" : "failure"}`;
  parts.time.textContent = answer.mistakes ? "" : `${milliseconds.toFixed(1)} ms`;
  parts.result.textContent = answer.text;
}

async function call(canister, method, parts) {
  parts.button.disabled = true;
  parts.outcome.className = "outcome";
  parts.outcome.textContent = "Calling …";
  parts.time.textContent = parts.result.textContent = "";
  const started = performance.now();
  try {
    const values = parts.fields.map((field) => field.area.value);
    show(parts, await ask(endpoint("call", {}), { canister, method: method.name, arguments: values }), performance.now() - started);
  } catch (error) {
    show(parts, { outcome: "error", title: "No answer", text: String(error.message ?? error) }, performance.now() - started);
  } finally {
    parts.button.disabled = false;
  }
}

function methodBlock(canister, method) {
  const fields = method.arguments.map((argument, index) => argumentField(method, argument, index));
  const reads = method.kind.includes("query");
  const button = make("button", { type: "submit", textContent: reads ? "Query" : "Call" });
  const outcome = make("span", { className: "outcome" });
  const time = make("span", { className: "quiet" });
  const result = make("pre", { tabIndex: 0, ariaLabel: `Answer of ${method.name}` });
  const live = make("div", { className: "bar" }, button, outcome, time);
  live.setAttribute("aria-live", "polite");
  const form = make("form", { noValidate: true }, ...fields.map((field) => field.node), live, result);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    call(canister, method, { fields, button, outcome, time, result });
  });
  const summary = make(
    "summary",
    {},
    make("span", { className: "method", textContent: method.name }),
    make("span", { className: "signature", textContent: method.signature }),
    make("span", { className: reads ? "kind reads" : "kind", textContent: method.kind }),
  );
  const block = make("details", { id: `method-${method.name}` }, summary, form);
  block.dataset.name = method.name.toLowerCase();
  return block;
}

function open(name) {
  const block = name && find(`method-${name}`);
  if (block) {
    block.open = true;
    block.scrollIntoView();
  }
}

function list(interface_) {
  find("methods").replaceChildren(...interface_.methods.map((method) => methodBlock(interface_.canister, method)));
  find("search").hidden = interface_.methods.length < 8;
  find("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const block of find("methods").children) block.hidden = !block.dataset.name.includes(wanted);
  });
  if (interface_.methods.length === 1) find("methods").firstChild.open = true;
  open(wanted());
}

function offer(names) {
  const links = names.map(({ name, environment, canister }) => {
    const query = new URLSearchParams(search);
    query.set("id", canister);
    return make("li", {}, make("a", { href: `/?${query}`, textContent: name }), ` in ${environment}, `, make("code", { textContent: canister }));
  });
  find("names").replaceChildren(...links);
  find("known").hidden = links.length === 0;
}

function wanted() {
  const name = location.hash.replace(/^#(method-)?/, "");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function start() {
  find("choice").addEventListener("submit", (event) => {
    event.preventDefault();
    search.set("id", find("id").value.trim());
    location.search = search.toString();
  });
  addEventListener("hashchange", () => open(wanted()));
  const id = search.get("id") ?? "";
  find("id").value = id;
  const interface_ = await ask(endpoint("interface", { id }));
  const name = interface_.names.map((known) => `${known.name} in ${known.environment}`).join(", ");
  find("title").textContent = name || (id ? "Canister" : "Candid");
  find("canister").textContent = interface_.canister ?? "";
  document.title = name || interface_.canister ? `${name || interface_.canister} · Candid` : "Candid";
  find("notice").textContent = interface_.notice ?? "";
  if (interface_.methods) list(interface_);
  else offer(interface_.known);
}

start().catch((error) => { find("notice").textContent = `The interface could not be loaded: ${error.message ?? error}`; });
