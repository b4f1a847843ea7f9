// Payload indexes, filtered pages, counts and facets as an official client of any age asks for them. Knows nothing of
// the project: indexes and filters are given, answers are handed back as they came.
//
// Runs by itself: `node index_calls.mjs CLIENT_FOLDER HOST PORT PLAN`, with PLAN a JSON object
// {"name", "points", "indexes": {path: schema}, "filters": {title: filter}, "facets": [path], "limit"};
// prints one JSON object.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, host, port, given] = process.argv.slice(2);
const entry = join(folder, "node_modules", "@qdrant", "js-client-rest", "dist", "esm", "index.js");
const { QdrantClient } = await import(pathToFileURL(entry).href);
const client = new QdrantClient({ host, port: Number(port) });
const { name, points, indexes, filters, facets, limit } = JSON.parse(given);

// Every page of a filter, one after another: the ids of each.
async function pages(filter) {
  const found = [];
  let offset;
  do {
    const page = await client.scroll(name, { filter, limit, offset, with_payload: true });
    found.push(page.points.map((point) => point.id));
    offset = page.next_page_offset;
  } while (offset !== null && offset !== undefined);
  return found;
}

async function answers() {
  const found = {};
  for (const [title, filter] of Object.entries(filters)) {
    const { count } = await client.count(name, { filter, exact: true });
    found[title] = { count, pages: await pages(filter) };
  }
  return found;
}

async function facetsOf(filter) {
  const found = {};
  for (const key of facets) found[key] = (await client.facet(name, { key, filter, exact: true })).hits;
  return found;
}

await client.createCollection(name, { vectors: { size: 2, distance: "Dot" } });
await client.upsert(name, { wait: true, points });
const before = await answers();

const statuses = [];
for (const [field_name, field_schema] of Object.entries(indexes)) {
  statuses.push((await client.createPayloadIndex(name, { wait: true, field_name, field_schema })).status);
}
const shown = (await client.getCollection(name)).payload_schema;
const indexed = await answers();
const faceted = client.facet ? await facetsOf(Object.values(filters)[0]) : null;

for (const path of Object.keys(indexes)) {
  statuses.push((await client.deletePayloadIndex(name, path, { wait: true })).status);
}
const left = (await client.getCollection(name)).payload_schema;
const after = await answers();

process.stdout.write(JSON.stringify({ statuses, before, shown, indexed, faceted, left, after }) + "\n");
