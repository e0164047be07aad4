// A tour of a tihua server: each kind of call once, and of each a line of JSON.
//
//     TIHUA_ADDRESS=localhost:50051 tour COLLECTION FOLDER PICTURE
//
// Writes the pictures of FOLDER into COLLECTION and searches them by text and by PICTURE. For a
// server with TLS, TIHUA_CA names the file of its root certificates, and TIHUA_TOKEN is the caller's
// token. TIHUA_SERVICE_CONFIG names a file like protos/service_config.json, for several servers.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "show.h"
#include "tihua/ingest.h"
#include "tihua/refusal.h"
#include "tihua/v1/collection_service.grpc.pb.h"
#include "tihua/v1/embedding_service.grpc.pb.h"
#include "tihua/v1/search_service.grpc.pb.h"
#include "tihua/v1/system_service.grpc.pb.h"

namespace v1 = tihua::v1;
namespace health = grpc::health::v1;
namespace fs = std::filesystem;

const std::vector<std::string> kPoem = {"枯藤老树昏鸦", "小桥流水人家", "夕阳西下"};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

void check(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error_message());
}

// Makes a call with a context of its own, as each needs.
template <typename Stub, typename Request, typename Response>
grpc::Status call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  Stub& stub, const Request& request, Response* answer) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  return (stub.*method)(&context, request, answer);
}

// Opens a channel: with TLS and a token where the environment names them.
std::shared_ptr<grpc::Channel> open_channel() {
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (const char* roots = std::getenv("TIHUA_CA")) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = read(roots);
    credentials = grpc::SslCredentials(options);
    if (const char* token = std::getenv("TIHUA_TOKEN")) {
      credentials = grpc::CompositeChannelCredentials(credentials,
                                                      grpc::AccessTokenCredentials(token));
    }
  }
  grpc::ChannelArguments arguments;
  // An ingest has no deadline: without pings it would wait for ever for a vanished server.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // By default 2.
  // A page may be as large as the server's limits allow; gRPC would refuse more than 4 MiB.
  arguments.SetMaxReceiveMessageSize(-1);
  if (const char* path = std::getenv("TIHUA_SERVICE_CONFIG")) {
    arguments.SetServiceConfigJSON(read(path));
  }
  return grpc::CreateCustomChannel(std::getenv("TIHUA_ADDRESS"), credentials, arguments);
}

// Repeats a call for as long as the server asks to come back later.
void patiently(const std::function<grpc::Status()>& call) {
  for (;;) {
    const grpc::Status status = call();
    const auto delay = tihua::refusal_of(status).retry_after;
    if (delay.count() == 0) return check(status);
    show("retry", status);
    std::this_thread::sleep_for(delay);
  }
}

// Embeds texts and a picture, one input a call.
void embed(v1::EmbeddingService::Stub& stub, const std::string& picture) {
  for (const std::string& text : kPoem) {
    v1::EmbedTextRequest request;
    request.add_texts(text);
    v1::EmbedTextResponse answer;
    patiently([&] { return call(&v1::EmbeddingService::Stub::EmbedText, stub, request, &answer); });
    show("embed_text", answer.embeddings());
  }
  v1::EmbedImageRequest request;
  request.add_images()->set_content(read(picture));
  v1::EmbedImageResponse answer;
  check(call(&v1::EmbeddingService::Stub::EmbedImage, stub, request, &answer));
  show("embed_image", answer.embeddings());
}

// Writes the pictures of a folder; an id is a path within it.
void ingest(const std::shared_ptr<grpc::Channel>& channel, const std::string& collection,
            const fs::path& folder) {
  v1::CreateCollectionRequest creation;
  creation.set_name(collection);
  v1::CreateCollectionResponse created;
  const auto collections = v1::CollectionService::NewStub(channel);
  const grpc::Status status =
      call(&v1::CollectionService::Stub::CreateCollection, *collections, creation, &created);
  if (status.error_code() != grpc::StatusCode::ALREADY_EXISTS) check(status);

  const std::regex is_picture(R"(.*\.(jpe?g|png|webp))", std::regex::icase);
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (std::regex_match(entry.path().string(), is_picture)) paths.push_back(entry.path());
  }
  std::sort(paths.rbegin(), paths.rend());
  const auto next = [&]() -> std::optional<v1::Item> {
    if (paths.empty()) return std::nullopt;
    v1::Item item;
    item.set_id(fs::relative(paths.back(), folder).generic_string());
    item.set_uri(paths.back().string());
    item.mutable_image()->set_content(read(paths.back()));
    paths.pop_back();
    return item;
  };
  tihua::IngestReport report;
  check(tihua::ingest(*v1::IngestService::NewStub(channel), collection, next, &report));
  std::string failures;
  for (const v1::ItemError& failure : report.errors) {
    failures += (failures.empty() ? "" : ",") + std::to_string(failure.index());
  }
  show("ingest", R"({"written":)" + std::to_string(report.written) + R"(,"failed":)" +
                     std::to_string(report.failed) + R"(,"failures":[)" + failures +
                     R"(],"streams":)" + std::to_string(report.streams) + "}");
}

// Reads one page of the collection.
void list(v1::CollectionService::Stub& stub, const std::string& collection) {
  v1::ListItemsRequest request;
  request.set_collection(collection);
  request.set_limit(1000);
  v1::ListItemsResponse page;
  check(call(&v1::CollectionService::Stub::ListItems, stub, request, &page));
  show("list", R"({"items":)" + std::to_string(page.items_size()) + "}");
}

// Asks by picture and by text.
void search(v1::SearchService::Stub& stub, const std::string& collection,
            const std::string& picture) {
  v1::QueryTerm terms[2];
  terms[0].mutable_image()->set_content(read(picture));
  terms[1].set_text(kPoem.back());
  for (const v1::QueryTerm& term : terms) {
    v1::SearchRequest request;
    request.set_collection(collection);
    *request.add_terms() = term;
    request.set_limit(5);
    v1::SearchResponse answer;
    check(call(&v1::SearchService::Stub::Search, stub, request, &answer));
    show("search", answer);
  }
}

// Shows calls that the server refuses, that take too long, and that their caller gives up.
void fail(const std::shared_ptr<grpc::Channel>& channel, const std::string& collection,
          const std::string& picture) {
  v1::SearchRequest wrong;
  wrong.set_collection(collection);
  wrong.set_limit(1'000'000);
  v1::SearchResponse hits;
  const auto searcher = v1::SearchService::NewStub(channel);
  show("refusal", call(&v1::SearchService::Stub::Search, *searcher, wrong, &hits));

  v1::EmbedImageRequest many;
  for (int count = 0; count < 64; ++count) many.add_images()->set_content(read(picture));
  grpc::ClientContext hasty;
  hasty.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  v1::EmbedImageResponse embeddings;
  show("deadline", v1::EmbeddingService::NewStub(channel)->EmbedImage(&hasty, many, &embeddings));

  grpc::ClientContext cancellable;
  const auto stream = v1::IngestService::NewStub(channel)->Ingest(&cancellable);
  v1::IngestRequest request;
  request.mutable_start()->set_collection(collection);
  request.mutable_start()->set_session_id("cancelled " + collection);
  stream->Write(request);
  v1::IngestResponse response;
  stream->Read(&response);
  cancellable.TryCancel();
  stream->Read(&response);
  show("cancellation", stream->Finish());
}

int main(int, char** arguments) try {
  const std::string collection = arguments[1], folder = arguments[2], picture = arguments[3];
  const std::shared_ptr<grpc::Channel> channel = open_channel();
  health::HealthCheckResponse healthy;
  const auto checker = health::Health::NewStub(channel);
  check(call(&health::Health::Stub::Check, *checker, health::HealthCheckRequest(), &healthy));
  show("health", healthy);
  v1::GetServerInfoResponse info;
  const auto system = v1::SystemService::NewStub(channel);
  check(call(&v1::SystemService::Stub::GetServerInfo, *system, v1::GetServerInfoRequest(), &info));
  show("info", info);
  embed(*v1::EmbeddingService::NewStub(channel), picture);
  ingest(channel, collection, folder);
  list(*v1::CollectionService::NewStub(channel), collection);
  search(*v1::SearchService::NewStub(channel), collection, picture);
  fail(channel, collection, picture);
} catch (const std::exception& error) {
  std::cerr << error.what() << std::endl;
  return 1;
}
