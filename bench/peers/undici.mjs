// Peer of the rows call_* (bench/clients.lua has the arguments): node's undici, a Pool of kept
// connections, or streams of one over h2.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/build/bench/npm/");
const { Pool } = require("undici");

const [url, caFile, count, warm, inFlight, tokenFile, id, passwordFile, h2] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const firstLine = (path) => readFileSync(path, "utf8").split("\n")[0];
const headers = {
  "user-agent": "lua-fiks/0.1.0",
  accept: "*/*",
  "accept-encoding": "identity",
  authorization: "Bearer " + firstLine(tokenFile),
  integrasjonid: id,
  integrasjonpassord: firstLine(passwordFile),
};
const get = { path: pathname, method: "GET", headers };
const post = {
  path: pathname,
  method: "POST",
  headers: { ...headers, "content-type": "application/json" },
  body: '{"navn":"Grong kommune","sak":17}',
};
const pool = new Pool(origin, {
  connections: h2 ? 1 : Number(inFlight),
  pipelining: h2 ? Number(inFlight) : 1,
  allowH2: Boolean(h2),
  maxConcurrentStreams: Number(inFlight),
  connect: { ca: readFileSync(caFile) },
});

async function run(total) {
  let started = 0;
  async function work() {
    while (started < total) {
      const { statusCode, body } = await pool.request(started++ % 2 ? post : get);
      const answer = await body.json();
      if (statusCode !== 200 || answer.antallKonsumenter !== 42) throw new Error("wrong answer");
    }
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, work));
}

await run(Number(warm));
const wall = process.hrtime.bigint();
const before = process.cpuUsage();
await run(Number(count));
const used = process.cpuUsage(before);
const us = (process.hrtime.bigint() - wall) / 1000n;
console.log(`${count} ${used.user + used.system} ${us}`);
await pool.close();
