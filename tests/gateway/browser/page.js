// Calls tihua from a web page with generated stubs, and reports the outcome to the site.
// ?gateway=http://127.0.0.1:8080&collection=NAME

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { CollectionService } from "./out/gen/tihua/v1/collection_service_pb.js";
import { EmbeddingService } from "./out/gen/tihua/v1/embedding_service_pb.js";
import { SearchService } from "./out/gen/tihua/v1/search_service_pb.js";

const query = new URLSearchParams(location.search);
const transport = createGrpcWebTransport({ baseUrl: query.get("gateway") });
const collections = createClient(CollectionService, transport);
const embedding = createClient(EmbeddingService, transport);
const searching = createClient(SearchService, transport);

async function errorOf(call) {
  try {
    await call;
    return null;
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return { code: Code[code], message: rawMessage };
  }
}

async function outcome() {
  const collection = query.get("collection");
  const { embeddings } = await embedding.embedText({ texts: ["夕阳西下"] });
  const floats = new Float32Array(embeddings.data.slice().buffer);
  const content = new Uint8Array(await (await fetch("picture.jpg")).arrayBuffer());
  const source = { case: "content", value: content };
  await collections.createCollection({ name: collection });
  await collections.upsertItems({
    collection,
    items: [{ id: "picture", content: { case: "image", value: { source } } }],
  });
  const { hits } = await searching.search({
    collection,
    terms: [{ value: { case: "image", value: { source } } }],
    consistency: 2,
  });
  await collections.deleteCollection({ name: collection });
  return {
    embedding: Array.from(floats),
    hits: hits.map((hit) => ({ id: hit.item.id, score: hit.score })),
    error: await errorOf(collections.getCollection({ name: "none_such" })),
  };
}

const tell = (result) => fetch("outcome", { method: "POST", body: JSON.stringify(result) });
outcome().then(tell, (error) => tell({ failed: String(error) }));
