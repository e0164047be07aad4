/**
 * A tour of a tihua server: each kind of call once, and of each a line of JSON.
 *
 *     TIHUA_ADDRESS=localhost:50051 node dist/examples/tour.js COLLECTION FOLDER PICTURE
 *
 * Writes the pictures of FOLDER into COLLECTION and searches them by text and by PICTURE. For a
 * server with TLS, TIHUA_CA names the file of its root certificates, and TIHUA_TOKEN is the caller's
 * token. TIHUA_SERVICE_CONFIG names a file like protos/service_config.json, for several servers.
 */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { CallCredentials, ChannelCredentials, type ChannelOptions, Metadata, status } from "@grpc/grpc-js";
import { embeddings, ingest, refusalOf, unary } from "@tihua/client";
import { HealthCheckRequest, HealthCheckResponse, HealthClient } from "@tihua/client/health";
import {
  CollectionServiceClient,
  CreateCollectionRequest,
  EmbeddingServiceClient,
  EmbedImageRequest,
  EmbedTextRequest,
  GetServerInfoResponse,
  ImageSource,
  IngestServiceClient,
  IngestStart,
  Item,
  ListItemsRequest,
  SearchRequest,
  SearchResponse,
  SearchServiceClient,
  SystemServiceClient,
  type VectorBlock,
} from "@tihua/client/v1";

const POEM = ["枯藤老树昏鸦", "小桥流水人家", "夕阳西下"];

const [collection = "", folder = "", picture = ""] = process.argv.slice(2);
const address = process.env.TIHUA_ADDRESS ?? "localhost:50051";
const credentials = await callersCredentials();
const connection = [address, credentials, await channelOptions()] as const;

const health = new HealthClient(...connection);
show("health", HealthCheckResponse.toJSON(await unary(health, health.check, HealthCheckRequest.create())));
const system = new SystemServiceClient(...connection);
show("info", GetServerInfoResponse.toJSON(await unary(system, system.getServerInfo, {})));
await embed();
await ingestFolder();
await list();
await search();
await fail();

/** Returns TLS and a token where the environment names them. */
async function callersCredentials(): Promise<ChannelCredentials> {
  const { TIHUA_CA: roots, TIHUA_TOKEN: token } = process.env;
  if (roots === undefined) {
    return ChannelCredentials.createInsecure();
  }
  const tls = ChannelCredentials.createSsl(await readFile(roots));
  if (token === undefined) {
    return tls;
  }
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return tls.compose(CallCredentials.createFromMetadataGenerator((_, done) => done(null, metadata)));
}

/** Returns how the channel behaves: by a service config where the environment names one. */
async function channelOptions(): Promise<ChannelOptions> {
  const options = {
    // An ingest has no deadline: without pings it would wait for ever for a vanished server.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    // A page may be as large as the server's limits allow; gRPC would refuse more than 4 MiB.
    "grpc.max_receive_message_length": -1,
  };
  const { TIHUA_SERVICE_CONFIG: path } = process.env;
  return path === undefined ? options : { ...options, "grpc.service_config": await readFile(path, "utf8") };
}

/** Embeds texts and a picture, one input a call. */
async function embed(): Promise<void> {
  const client = new EmbeddingServiceClient(...connection);
  for (const text of POEM) {
    const request = EmbedTextRequest.fromPartial({ texts: [text] });
    const answer = await patiently(() => unary(client, client.embedText, request));
    showEmbedding("embed_text", answer.embeddings!);
  }
  const request = EmbedImageRequest.fromPartial({ images: [await read(picture)] });
  showEmbedding("embed_image", (await unary(client, client.embedImage, request)).embeddings!);
}

/** Repeats a call for as long as the server asks to come back later. */
async function patiently<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { retryAfterMs } = refusalOf(error);
      if (!retryAfterMs) {
        throw error;
      }
      showRefusal("retry", error);
      await setTimeout(retryAfterMs);
    }
  }
}

/** Writes the pictures of the folder; an id is a path within it. */
async function ingestFolder(): Promise<void> {
  const collections = new CollectionServiceClient(...connection);
  const creation = CreateCollectionRequest.fromPartial({ name: collection });
  await unary(collections, collections.createCollection, creation).catch((error: unknown) => {
    if (refusalOf(error).code !== status.ALREADY_EXISTS) {
      throw error;
    }
  });
  const report = await ingest(new IngestServiceClient(...connection), collection, pictures());
  const { written, failed, errors, streams } = report;
  show("ingest", { written, failed, failures: errors.map(({ index }) => index), streams });
}

async function* pictures(): AsyncGenerator<Item> {
  for (const id of (await readdir(folder, { recursive: true })).sort()) {
    if (/\.(jpe?g|png|webp)$/i.test(id)) {
      const uri = join(folder, id);
      yield Item.fromPartial({ id, uri, content: { $case: "image", value: await read(uri) } });
    }
  }
}

/** Reads one page of the collection. */
async function list(): Promise<void> {
  const collections = new CollectionServiceClient(...connection);
  const request = ListItemsRequest.fromPartial({ collection, limit: 1000 });
  const page = await unary(collections, collections.listItems, request);
  show("list", { items: page.items.length });
}

/** Asks by picture and by text. */
async function search(): Promise<void> {
  const client = new SearchServiceClient(...connection);
  const image = { $case: "image", value: await read(picture) } as const;
  for (const value of [image, { $case: "text", value: POEM[2]! } as const]) {
    const request = SearchRequest.fromPartial({ collection, terms: [{ value }], limit: 5 });
    show("search", SearchResponse.toJSON(await unary(client, client.search, request)));
  }
}

/** Shows calls that the server refuses, that take too long, and that their caller gives up. */
async function fail(): Promise<void> {
  const searcher = new SearchServiceClient(...connection);
  const wrong = SearchRequest.fromPartial({ collection, limit: 1_000_000 });
  await unary(searcher, searcher.search, wrong).catch((error) => showRefusal("refusal", error));

  const embedder = new EmbeddingServiceClient(...connection);
  const many = EmbedImageRequest.fromPartial({ images: Array(64).fill(await read(picture)) });
  const hasty = { deadline: Date.now() + 1 };
  await unary(embedder, embedder.embedImage, many, hasty).catch((error) => showRefusal("deadline", error));

  const stream = new IngestServiceClient(...connection).ingest();
  const start = IngestStart.fromPartial({ collection, sessionId: `cancelled ${collection}` });
  stream.write({ message: { $case: "start", value: start } });
  await once(stream, "data");
  stream.cancel();
  await once(stream, "end").catch((error: unknown) => showRefusal("cancellation", error));
}

async function read(path: string): Promise<ImageSource> {
  return { source: { $case: "content", value: await readFile(path) } };
}

/** Shows the numbers of an embedding by their bits. */
function showEmbedding(step: string, block: VectorBlock): void {
  const bits = new DataView(embeddings(block)[0]!.buffer);
  const words = Array.from({ length: block.dim }, (_, index) => bits.getUint32(4 * index, true));
  show(step, words.map((word) => word.toString(16).padStart(8, "0")).join(""));
}

function showRefusal(step: string, error: unknown): void {
  const { code, reason, field, retryAfterMs } = refusalOf(error);
  show(step, { code, reason, field, retry_after_s: retryAfterMs / 1000 });
}

function show(step: string, answer: unknown): void {
  console.log(JSON.stringify({ step, answer }));
}
