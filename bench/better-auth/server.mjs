// better-auth's API-key plugin behind the smallest HTTP server: `node server.mjs FOLDER PORT`, with the keys,
// one on each line, in FOLDER/keys. The plugin verifies through a function alone (`auth.api.verifyApiKey`), so
// the route is ours. Its database is as fast as SQLite allows: WAL, no fsync for each commit. No rate limit.

import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import Database from "better-sqlite3";

const [folder, port] = process.argv.slice(2);
const USERS = 100;

const database = new Database(`${folder}/better-auth.sqlite`);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = NORMAL");
const auth = betterAuth({
  database,
  secret: "only for a benchmark, on loopback alone",
  baseURL: `http://127.0.0.1:${port}`,
  emailAndPassword: { enabled: true },
  logger: { disabled: true },
  telemetry: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
});

const isNew = !database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'apikey'").get();
if (isNew) {
  await (await getMigrations(auth.options)).runMigrations();
  await insertKeys(readFileSync(`${folder}/keys`, "utf8").trim().split("\n"));
}

// One user and one key are made by better-auth itself; the rest are copies of their rows: much faster.
async function insertKeys(keys) {
  const body = { email: "bench@example.com", password: "Bench-password-1", name: "bench" };
  const { user } = await auth.api.signUpEmail({ body });
  await auth.api.createApiKey({ body: { name: "bench", userId: user.id } });
  const userRow = database.prepare('SELECT * FROM "user"').get();
  const keyRow = database.prepare("SELECT * FROM apikey").get();

  database.transaction(() => {
    const users = Array.from({ length: USERS }, (_, index) => `bench-user-${index}`);
    const insertUser = insertLike('"user"', userRow);
    for (const id of users) {
      insertUser.run({ ...userRow, id, email: `${id}@example.com` });
    }
    const insertKey = insertLike("apikey", keyRow);
    keys.forEach((key, index) => {
      const hash = createHash("sha256").update(key).digest("base64url");
      const owner = users[index % USERS];
      insertKey.run({ ...keyRow, id: randomUUID(), name: `key ${index}`, key: hash, referenceId: owner });
    });
  })();
}

function insertLike(table, row) {
  const columns = Object.keys(row);
  const names = columns.map((column) => `"${column}"`).join(", ");
  const values = columns.map((column) => `@${column}`).join(", ");
  return database.prepare(`INSERT INTO ${table} (${names}) VALUES (${values})`);
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const { key } = JSON.parse(Buffer.concat(chunks));
  const answer = await auth.api.verifyApiKey({ body: { key } });
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${port}`));
