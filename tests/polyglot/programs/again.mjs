// A program that ingests twice with one report: each time an item without anything.
import { ChannelCredentials } from "@grpc/grpc-js";
import { ingest, IngestReport } from "@tihua/client";
import { IngestServiceClient, Item } from "@tihua/client/v1";

const client = new IngestServiceClient(process.env.TIHUA_ADDRESS, ChannelCredentials.createInsecure());
const report = new IngestReport();
await ingest(client, process.argv[2], [Item.create()], report);
await ingest(client, process.argv[2], [Item.create()], report);
console.log("failed:", ...report.errors.map(({ reason }) => reason));
console.log("streams:", report.streams);
client.close();
