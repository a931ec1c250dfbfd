// A node in another language, for the standard library of Node.js alone. It keeps docs/node-contract.md and
// climbs three steps of the ladder: it answers, stores and replicates. Everything is in memory, so a stop ends it.
//
// Each node numbers what it changes. It sends that to every peer in order, and a peer applies each change once.
// Changes of the stock are sums, so all nodes come to the same numbers in whatever order they arrive.

import { createHash, createHmac, randomBytes, randomUUID, scryptSync, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { NODE_NAME, JWT_SECRET, REPLICA_SECRET, ADMIN_USERNAME, ADMIN_PASSWORD } = process.env;
const PEERS = new Map(
  process.env.PEERS.split(",").filter(Boolean).map((one) => one.split(/=(.*)/s).slice(0, 2)),
);
const TOKEN_SECONDS = 8 * 3600;
const RETRY_MS = 100;
const BATCH = 200;

// What the node has, each by its key.
const users = new Map();
const customers = new Map();
const products = new Map();
const stock = new Map(); // sku → { received, returned, sold, removed }
const orders = new Map();
const byKey = new Map(); // user and Idempotency-Key → order id
const LISTS = { users, customers, products, stock, orders };

const changes = []; // what this node changed, in order
const applied = new Map(); // origin → how many of its changes are here
const taken = new Map([...PEERS.keys()].map((peer) => [peer, 0])); // peer → how many of ours it has

class Refused extends Error {
  constructor(status, code) {
    super(code);
    Object.assign(this, { status, code });
  }
}

function require(holds, status, code) {
  if (!holds) throw new Refused(status, code);
}

// People

const hashOf = (password, salt) => scryptSync(password, salt, 32, { N: 4096 }).toString("hex");
const sign = (words) => createHmac("sha256", JWT_SECRET).update(words).digest("hex");
const same = (one, other) => one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

function logIn(form) {
  const username = form.get("username") ?? "";
  const password = form.get("password") ?? "";
  const user = users.get(username);
  const right = user
    ? same(hashOf(password, user.salt), user.hash)
    : username === ADMIN_USERNAME && same(password, ADMIN_PASSWORD);
  require(right, 401, "unauthenticated");
  const words = JSON.stringify([username, user?.role ?? "admin", Date.now() + TOKEN_SECONDS * 1000]);
  const token = `${Buffer.from(words).toString("base64url")}.${sign(words)}`;
  return { access_token: token, token_type: "bearer", expires_in: TOKEN_SECONDS };
}

function callerOf(header = "") {
  const [coded, signature = ""] = header.replace(/^Bearer /, "").split(".");
  const words = Buffer.from(coded, "base64url").toString();
  require(words && same(sign(words), signature), 401, "unauthenticated");
  const [username, role, end] = JSON.parse(words);
  require(Date.now() < end, 401, "unauthenticated");
  return { username, role };
}

// Changes: made here, or taken from a peer. Both go through `apply`.

function change(kind, row) {
  changes.push(structuredClone({ kind, row })); // as it is now: a later change is an event of its own
  apply(kind, row);
}

const add = (sku, name, units) => (stock.get(sku)[name] += units);
const count = (order, name) => order.lines.forEach((line) => add(line.sku, name, line.quantity));

function apply(kind, row) {
  if (kind === "user") users.set(row.username, row);
  if (kind === "customer") customers.set(row.code, row);
  if (kind === "product" && !products.has(row.sku)) {
    products.set(row.sku, row);
    if (!stock.has(row.sku)) stock.set(row.sku, { received: 0, returned: 0, sold: 0, removed: 0 });
  }
  if (kind === "adjust") add(row.sku, row.quantity > 0 ? "received" : "removed", Math.abs(row.quantity));
  if (kind === "order") {
    orders.set(row.order.id, row.order);
    if (row.key) byKey.set(row.key, row.order.id);
    count(row.order, "sold");
  }
  if (kind === "cancel" && orders.get(row.id).status === "placed") {
    Object.assign(orders.get(row.id), { status: "cancelled", version: 2 });
    count(orders.get(row.id), "returned");
  }
}

function receive({ origin, from, batch }) {
  const here = applied.get(origin) ?? 0;
  require(from <= here, 409, "too_early"); // something before it is not here yet
  for (const { kind, row } of batch.slice(here - from)) apply(kind, row);
  applied.set(origin, Math.max(here, from + batch.length));
  return { applied: applied.get(origin) };
}

async function sendTo(peer, url) {
  const from = taken.get(peer);
  const batch = changes.slice(from, from + BATCH);
  if (batch.length) {
    try {
      const answer = await fetch(`${url}/replica/event`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Replica-Token": REPLICA_SECRET },
        body: JSON.stringify({ origin: NODE_NAME, from, batch }),
        signal: AbortSignal.timeout(3000),
      });
      if (answer.ok) taken.set(peer, from + batch.length);
      await answer.text();
    } catch {
      // It is away; what it lacks is sent again.
    }
  }
  setTimeout(sendTo, taken.get(peer) < changes.length && taken.get(peer) > from ? 0 : RETRY_MS, peer, url);
}

// What clients ask for

const isText = (value, most) => typeof value === "string" && value.length > 0 && value.length <= most;
const isUnits = (value) => Number.isInteger(value) && value >= 1 && value <= 1_000_000;
const available = (row) => row.received + row.returned - row.sold - row.removed;
const shownStock = (sku) => ({ id: sku, sku, available: available(stock.get(sku)), ...stock.get(sku) });
const shownUser = ({ id, username, role }) => ({ id, username, role, active: true });

function create(kind, rows, key, body, made = body) {
  require(!rows.has(body[key]), 409, "already_exists");
  const row = { id: body[key], ...made };
  change(kind, row);
  return row;
}

function createUser(body) {
  const fits = isText(body.username, 64) && isText(body.password, 72) && body.password.length >= 12;
  require(fits && ["admin", "operador"].includes(body.role), 422, "validation");
  const salt = randomBytes(16).toString("hex");
  const kept = { username: body.username, role: body.role, salt, hash: hashOf(body.password, salt) };
  return shownUser(create("user", users, "username", body, kept));
}

function createProduct({ sku, name, price_cents }) {
  require(isText(sku, 64) && isText(name, 200) && Number.isInteger(price_cents), 422, "validation");
  return create("product", products, "sku", { sku, name, price_cents });
}

function createCustomer({ code, name, ...details }) {
  require(isText(code, 64) && isText(name, 200), 422, "validation");
  return create("customer", customers, "code", { code, name, ...details });
}

function adjust({ sku, quantity }) {
  require(Number.isInteger(quantity) && quantity !== 0, 422, "validation");
  require(stock.has(sku), 422, "unknown_sku");
  require(available(stock.get(sku)) + quantity >= 0, 409, "out_of_stock");
  change("adjust", { sku, quantity });
  return shownStock(sku);
}

function placeOrder(body, caller, given) {
  const key = given && `${caller.username} ${given}`;
  if (key && byKey.has(key)) return orders.get(byKey.get(key));
  const customer = customers.get(body.customer);
  const lines = Array.isArray(body.lines) ? body.lines : [];
  require(lines.length > 0 && lines.every((line) => isUnits(line.quantity)), 422, "validation");
  require(customer, 422, "unknown_customer");
  require(lines.every((line) => products.has(line.sku)), 422, "unknown_sku");
  const wanted = new Map();
  for (const { sku, quantity } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity);
  const isThere = [...wanted].every(([sku, quantity]) => available(stock.get(sku)) >= quantity);
  require(isThere, 409, "out_of_stock");
  const priced = lines.map(({ sku, quantity }) => {
    const { name, price_cents } = products.get(sku);
    return { sku, name, quantity, unit_price_cents: price_cents };
  });
  const order = {
    id: randomUUID(),
    number: `${NODE_NAME.toUpperCase()}-${changes.length + 1}`,
    branch: NODE_NAME,
    status: "placed",
    customer: { id: customer.id, code: customer.code, name: customer.name },
    lines: priced,
    total_cents: priced.reduce((sum, line) => sum + line.quantity * line.unit_price_cents, 0),
    note: body.note ?? null,
    version: 1,
    created_at: new Date().toISOString(),
  };
  change("order", { order, key });
  return order;
}

function cancel(id) {
  require(orders.has(id), 404, "not_found");
  require(orders.get(id).branch === NODE_NAME, 409, "other_branch");
  if (orders.get(id).status === "placed") change("cancel", { id });
  return orders.get(id);
}

function status() {
  const shown = Object.values(LISTS).map((rows) => [...rows].sort(([one], [other]) => (one < other ? -1 : 1)));
  return {
    node: NODE_NAME,
    ready: true,
    now: new Date().toISOString(),
    digest: createHash("sha256").update(JSON.stringify(shown)).digest("hex"),
    counts: Object.fromEntries(Object.entries(LISTS).map(([name, rows]) => [name, rows.size])),
    stock: { available: [...stock.values()].reduce((sum, row) => sum + available(row), 0) },
    pending: Object.fromEntries([...taken].map(([peer, count]) => [peer, changes.length - count])),
  };
}

function shown(name, key) {
  if (name === "stock") return shownStock(key);
  return name === "users" ? shownUser(LISTS[name].get(key)) : LISTS[name].get(key);
}

function page(name, query) {
  const after = query.get("after") ?? "";
  const limit = Math.min(Number(query.get("limit") ?? 100), 500);
  const keys = [...LISTS[name].keys()].filter((key) => key > after).sort();
  const next = keys.length > limit ? keys[limit - 1] : null;
  return { items: keys.slice(0, limit).map((key) => shown(name, key)), next };
}

// HTTP

function read(path, query, caller) {
  const [name, key] = path.slice(1).split("/").map(decodeURIComponent);
  if (name === "status") return status();
  require(Object.hasOwn(LISTS, name), 404, "not_found");
  require(name !== "users" || caller.role === "admin", 403, "forbidden");
  if (key === undefined) return page(name, query);
  require(LISTS[name].has(key), 404, "not_found");
  return shown(name, key);
}

function write(path, body, caller, headers) {
  const admins = { "/products": createProduct, "/users": createUser };
  if (admins[path]) {
    require(caller.role === "admin", 403, "forbidden");
    return [201, admins[path](body)];
  }
  if (path === "/customers") return [201, createCustomer(body)];
  if (path === "/stock/adjustments") return [201, adjust(body)];
  if (path === "/orders") return [201, placeOrder(body, caller, headers["idempotency-key"])];
  const [, id] = path.match(/^\/orders\/([^/]+)\/cancel$/) ?? [];
  require(id, 404, "not_found");
  return [200, cancel(id)];
}

function answer(request, text) {
  const { pathname: path, searchParams } = new URL(request.url, "http://node");
  if (request.method === "GET" && ["/healthz", "/readyz"].includes(path)) return [200, { status: "ready" }];
  if (path === "/auth/login") return [200, logIn(new URLSearchParams(text))];
  if (path === "/replica/event") {
    require(same(request.headers["x-replica-token"] ?? "", REPLICA_SECRET), 401, "replica_token_refused");
    return [200, receive(JSON.parse(text))];
  }
  const caller = callerOf(request.headers.authorization);
  if (request.method === "GET") return [200, read(path, searchParams, caller)];
  return write(path, text ? JSON.parse(text) : {}, caller, request.headers);
}

const server = createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  let code, said;
  try {
    [code, said] = answer(request, text);
  } catch (error) {
    const refused = error instanceof Refused ? error : new Refused(error instanceof SyntaxError ? 422 : 500, "validation");
    [code, said] = [refused.status, { status: refused.status, code: refused.code }];
    if (!(error instanceof Refused)) console.error(error);
  }
  response.writeHead(code, { "Content-Type": "application/json" }).end(JSON.stringify(said));
});

const { values } = parseArgs({ options: { host: { type: "string" }, port: { type: "string" } } });
server.listen(Number(values.port), values.host);
for (const [peer, url] of PEERS) sendTo(peer, url);
process.on("SIGTERM", () => process.exit(0));
