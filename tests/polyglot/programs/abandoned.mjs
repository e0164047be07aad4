// A program whose ingest ends before its source does: its first item is more than the server takes,
// and then it makes larger batches than the server wants. Closing the source fails.
import { ChannelCredentials } from "@grpc/grpc-js";
import { ingest, IngestReport } from "@tihua/client";
import { IngestServiceClient, Item } from "@tihua/client/v1";

function item(id, value) {
  return Item.fromPartial({ id, content: { $case: "text", value } });
}

async function* source() {
  try {
    yield item("a", "马".repeat(2 ** 18));
    for (;;) {
      yield item("b", "马");
    }
  } finally {
    console.log("the source is closed");
    throw new Error("which went wrong");
  }
}

const client = new IngestServiceClient(process.env.TIHUA_ADDRESS, ChannelCredentials.createInsecure());
const report = new IngestReport();
try {
  await ingest(client, process.argv[2], source(), report);
} catch (error) {
  console.log("ended:", error.message);
}
console.log("failed:", report.errors[0].id, report.errors[0].reason);
client.close();
