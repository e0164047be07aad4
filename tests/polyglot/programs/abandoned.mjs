// A program whose ingest ends before its source does: each item is more than the server takes.
// Closing the source fails.
import { ChannelCredentials } from "@grpc/grpc-js";
import { ingest } from "@tihua/client";
import { ImageSource, IngestServiceClient, Item } from "@tihua/client/v1";

async function* source() {
  const image = ImageSource.fromPartial({ source: { $case: "content", value: Buffer.alloc(2 ** 20) } });
  try {
    for (;;) {
      yield Item.fromPartial({ id: "a", content: { $case: "image", value: image } });
    }
  } finally {
    console.log("the source is closed");
    throw new Error("which went wrong");
  }
}

const client = new IngestServiceClient(process.env.TIHUA_ADDRESS, ChannelCredentials.createInsecure());
try {
  await ingest(client, process.argv[2], source());
} catch (error) {
  console.log("ended:", error.message);
}
client.close();
