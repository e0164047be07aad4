/**
 * What a client of a tihua server needs beside the generated stubs (`@tihua/client/v1`): promises,
 * unpacked embeddings, explained errors and the bulk stream.
 */
export { embeddings } from "./embeddings.js";
export { ingest, IngestReport } from "./ingest.js";
export { refusalOf, type Refusal } from "./refusal.js";
export { unary } from "./unary.js";
