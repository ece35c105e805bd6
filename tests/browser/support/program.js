// Starts the program under test and ends it again: nothing else is ever ended. Every wait is for something that happens
// (a line of output, an answer, an exit), never for time to pass.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BINARY = process.env.THROUGHLINE_BINARY || join(ROOT, "target/debug/throughline");

/** How long a program may take to say that it is ready; a machine under load is slow. */
const START_MS = 60_000;

export const PASSWORD = "a few words in a row";
export const CRON_SECRET = "browser-tests-cron-secret";

/** Settings of the person's own shell must not reach the program under test. */
function cleanEnvironment() {
  const isOurs = (name) => /^(THROUGHLINE|ROCKET|ZOHO|STRIPE)_|^(DATABASE_URL|CRON_SECRET|RUST_LOG)$/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}

/** A process whose lines are kept and can be waited for. */
class Running {
  constructor(args, env, input) {
    this.lines = [];
    this.waiting = new Set();
    this.child = spawn(BINARY, args, { cwd: tmpdir(), env: { ...cleanEnvironment(), ...env }, stdio: ["pipe", "pipe", "pipe"] });
    // One that ends without reading its input says why by its exit code; that the pipe broke adds nothing.
    this.child.stdin.on("error", () => {});
    this.child.stdin.end(input ?? "");
    this.child.on("error", (cause) => this.hear(`cannot be started: ${cause.message}`));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => this.hear(line));
    }
    this.ended = once(this.child, "close").then(([code]) => {
      this.code = code;
      for (const wait of this.waiting) wait.refuse(new Error(`${args[0]} ended with ${code}\n${this.lines.slice(-20).join("\n")}`));
    });
  }

  hear(line) {
    this.lines.push(line);
    for (const wait of this.waiting) wait.look(line);
  }

  /** The first match of `pattern` in its output, earlier or later. */
  line(pattern) {
    const known = this.lines.map((line) => line.match(pattern)).find(Boolean);
    if (known) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const settle = (how) => (value) => { clearTimeout(limit); this.waiting.delete(wait); how(value); };
      const refuse = settle(reject), found = settle(resolve);
      const wait = { refuse, look: (line) => { const match = line.match(pattern); if (match) found(match); } };
      const limit = setTimeout(() => refuse(new Error(`no ${pattern} within ${START_MS} ms\n${this.lines.slice(-20).join("\n")}`)), START_MS);
      this.waiting.add(wait);
    });
  }

  async stop(signal = "SIGTERM") {
    if (this.code === undefined) this.child.kill(signal);
    await this.ended;
  }
}

/** Runs a command to its end; throws with its output when it fails. */
async function command(args, env, input) {
  const running = new Running(args, env, input);
  await running.ended;
  if (running.code !== 0) throw new Error(`throughline ${args.join(" ")} ended with ${running.code}\n${running.lines.join("\n")}`);
}

/** `throughline demo`: a database, a sandbox and sample leads of its own. */
export async function demo() {
  const running = new Running(["demo", "--port", "0", "--json"], { RUST_LOG: "warn,throughline::web::request_log=info" });
  const [text] = await running.line(/^\{.*\}$/);
  const { url, email, password, sandbox_url: sandboxUrl } = JSON.parse(text);
  return { url, email, password, sandboxUrl, stop: () => running.stop() };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** `throughline serve` on a fresh SQLite database, with a sandbox beside it and no leads but those a test sends. */
export class Quiet {
  /**
   * `roles`: users to create, each as `<role>@example.com` with `PASSWORD`. `connected`: Zoho is set up.
   * `settings`: more of the program's environment. `mail`: mails go to the sandbox.
   */
  static async start({ roles = ["operator"], connected = true, settings = {}, mail = false } = {}) {
    const quiet = new Quiet();
    quiet.folder = await mkdtemp(join(tmpdir(), "throughline-browser-"));
    try {
      await quiet.begin(roles, connected, settings, mail);
      return quiet;
    } catch (cause) {
      await quiet.stop();
      throw cause;
    }
  }

  async begin(roles, connected, settings, mail) {
    this.sandbox = new Running(["sandbox", "--port", "0"], {});
    [this.sandboxUrl] = await this.sandbox.line(/^http:\/\/127\.0\.0\.1:\d+/);
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    this.env = {
      DATABASE_URL: `sqlite:${join(this.folder, "throughline.db")}`,
      ROCKET_PORT: String(port),
      THROUGHLINE_CRON_SECRET: CRON_SECRET,
      THROUGHLINE_INTAKE_LIMIT: "off",
      ZOHO_CLIENT_ID: "browser-tests",
      ZOHO_CLIENT_SECRET: "browser-tests",
      ZOHO_ACCOUNTS_URL: this.sandboxUrl,
      ZOHO_API_URL: this.sandboxUrl,
      STRIPE_API_URL: this.sandboxUrl,
      ...(mail ? await this.mailSettings() : {}),
      ...settings,
    };
    await command(["migrate"], this.env);
    for (const role of roles) await this.createUser(role);
    await this.startServing();
    if (connected) await this.connect();
  }

  async mailSettings() {
    const { smtp_url: smtpUrl } = await (await fetch(`${this.sandboxUrl}/__health`)).json();
    return {
      THROUGHLINE_SMTP_URL: smtpUrl,
      THROUGHLINE_MAIL_FROM: "Example Desk <desk@example.com>",
      THROUGHLINE_MAIL_INBOX_URL: `${this.sandboxUrl}/inbox`,
    };
  }

  async startServing() {
    this.serve = new Running(["serve"], this.env);
    await this.serve.line(/Listening on/);
  }

  async stopServing() {
    await this.serve?.stop();
  }

  createUser(role) {
    return command(["user", "create", "--email", `${role}@example.com`, "--name", `${role} of the tests`, "--role", role, "--password-stdin"], this.env, PASSWORD);
  }

  async connect() {
    const answer = await fetch(`${this.url}/api/zoho-auth`, {
      method: "POST",
      headers: { authorization: `Bearer ${CRON_SECRET}`, "content-type": "application/json" },
      body: JSON.stringify({ client_id: "browser-tests", client_secret: "browser-tests", refresh_token: "sandbox" }),
    });
    if (!answer.ok) throw new Error(`connecting the sandbox: ${answer.status} ${await answer.text()}`);
  }

  /** Brings what Stripe has to tell, signed as it was signed. */
  postWebhook(body, signature) {
    const headers = { "Content-Type": "application/json", "Stripe-Signature": signature };
    return fetch(`${this.url}/api/stripe/webhook`, { method: "POST", headers, body });
  }

  /** Posts a lead as a web site's form would; its id. */
  async postLead(lead) {
    const answer = await fetch(`${this.url}/api/store-lead`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source: "website", ...lead }),
    });
    if (answer.status !== 201) throw new Error(`posting a lead: ${answer.status} ${await answer.text()}`);
    const { id, line_id: line } = await answer.json();
    return { id, line };
  }

  /** Scripts faults of the sandbox (docs/sandbox.md). */
  async faults(...faults) {
    const answer = await fetch(`${this.sandboxUrl}/__faults`, { method: "POST", body: JSON.stringify(faults) });
    if (answer.status !== 201) throw new Error(`scripting a fault: ${answer.status} ${await answer.text()}`);
  }

  async clearFaults() {
    await fetch(`${this.sandboxUrl}/__faults`, { method: "DELETE" });
  }

  /** What the sandbox accepted: the witness that this program cannot have touched. */
  async ledger() {
    return (await fetch(`${this.sandboxUrl}/__ledger/zoho/crm/leads`)).json();
  }

  async stop() {
    // Asked to end, they would first wait for clients whose connections are kept open, as those of `fetch` are.
    await Promise.all([this.serve, this.sandbox].map((running) => running?.stop("SIGKILL")));
    await rm(this.folder, { recursive: true, force: true });
  }
}
