// A program that ingests an item without anything.
import { ChannelCredentials } from "@grpc/grpc-js";
import { ingest } from "@tihua/client";
import { IngestServiceClient, Item } from "@tihua/client/v1";

const client = new IngestServiceClient(process.env.TIHUA_ADDRESS, ChannelCredentials.createInsecure());
const { errors } = await ingest(client, process.argv[2], [Item.create()]);
console.log("failed:", ...errors.map(({ reason }) => reason));
client.close();
