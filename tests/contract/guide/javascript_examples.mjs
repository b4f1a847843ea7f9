// The guide's TypeScript examples, as it prints them, spoken by the official client in the folder that is named.
//
// Runs by itself: `node javascript_examples.mjs CLIENT_FOLDER HOST PORT` takes one JSON line for each example,
// {"example", "arguments"}, and gives one line back, {"result"} or {"error": {"status", "text"}}.

import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, host, port] = process.argv.slice(2);
const entry = join(folder, "node_modules", "@qdrant", "js-client-rest", "dist", "esm", "index.js");
const { QdrantClient } = await import(pathToFileURL(entry).href);

const client = new QdrantClient({ host, port: Number(port) });

const examples = {
  create: (name) =>
    client.createCollection(name, {
      vectors: { size: 100, distance: "Cosine" },
    }),

  create_from: (name, source) =>
    client.createCollection(name, {
      vectors: { size: 100, distance: "Cosine" },
      init_from: { collection: source },
    }),

  create_with_two_vectors: (name) =>
    client.createCollection(name, {
      vectors: {
        image: { size: 4, distance: "Dot" },
        text: { size: 8, distance: "Cosine" },
      },
    }),

  delete: (name) => client.deleteCollection(name),

  lower_indexing_threshold: (name) =>
    client.updateCollection(name, {
      optimizers_config: {
        indexing_threshold: 10000,
      },
    }),

  update_vector_parameters: (name) =>
    client.updateCollection(name, {
      vectors: {
        my_vector: {
          hnsw_config: {
            m: 32,
            ef_construct: 123,
          },
          quantization_config: {
            product: {
              compression: "x32",
              always_ram: true,
            },
          },
          on_disk: true,
        },
      },
      hnsw_config: {
        ef_construct: 123,
      },
      quantization_config: {
        scalar: {
          type: "int8",
          quantile: 0.8,
          always_ram: true,
        },
      },
    }),

  info: (name) => client.getCollection(name),

  create_alias: () =>
    client.updateCollectionAliases({
      actions: [
        {
          create_alias: {
            collection_name: "example_collection",
            alias_name: "production_collection",
          },
        },
      ],
    }),

  remove_alias: () =>
    client.updateCollectionAliases({
      actions: [
        {
          delete_alias: {
            alias_name: "production_collection",
          },
        },
      ],
    }),

  switch_collection: () =>
    client.updateCollectionAliases({
      actions: [
        {
          delete_alias: {
            alias_name: "production_collection",
          },
        },
        {
          create_alias: {
            collection_name: "example_collection",
            alias_name: "production_collection",
          },
        },
      ],
    }),

  collection_aliases: (name) => client.getCollectionAliases(name),

  all_aliases: () => client.getAliases(),

  all_collections: () => client.getCollections(),

  // beyond the guide: what a client does all day

  upsert: (name, points) => client.upsert(name, { wait: true, points }),

  upsert_columns: (name, batch) => client.upsert(name, { wait: true, batch }),

  search: (name, vector, limit) =>
    client.search
      ? client.search(name, { vector, limit, with_vector: true })
      : client.query(name, { query: vector, limit, with_vector: true }).then((answer) => answer.points),

  search_sparse: (name, vector, limit) =>
    client.search
      ? client.search(name, { vector: { name: "words", vector }, limit, with_vector: true })
      : client
          .query(name, { query: vector, using: "words", limit, with_vector: true })
          .then((answer) => answer.points),

  retrieve: (name, ids) => client.retrieve(name, { ids, with_vector: true }),

  scroll: async (name, limit) => (await client.scroll(name, { limit })).points,

  count: async (name) => (await client.count(name, {})).count,

  set_payload: (name, payload, points) => client.setPayload(name, { wait: true, payload, points }),

  delete_points: (name, points) => client.delete(name, { wait: true, points }),

  delete_nothing: (name) => client.delete(name, { wait: true, points: [] }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { example, arguments: given } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await examples[example](...given) };
  } catch (error) {
    answer = { error: { status: error.status ?? null, text: JSON.stringify(error.data ?? null) + " " + error } };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
