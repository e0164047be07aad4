/** Searches a collection by text: the shortest client there is. */
import { credentials } from "@grpc/grpc-js";
import { unary } from "@tihua/client";
import { SearchRequest, SearchServiceClient } from "@tihua/client/v1";

// [call]
const client = new SearchServiceClient(process.env.TIHUA_ADDRESS!, credentials.createInsecure());
const term = { value: { $case: "text", value: "夕阳西下" } } as const;
const request = SearchRequest.fromPartial({ collection: "pictures", terms: [term] });
for (const { item, score } of (await unary(client, client.search, request)).hits) {
  console.log(score.toFixed(3), item?.uri);
}
// [/call]
