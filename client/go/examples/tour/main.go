// A tour of a tihua server: each kind of call once, and of each a line of JSON.
//
//	TIHUA_ADDRESS=localhost:50051 tour COLLECTION FOLDER PICTURE
//
// Writes the pictures of FOLDER into COLLECTION and searches them by text and by PICTURE. For a
// server with TLS, TIHUA_CA names the file of its root certificates, and TIHUA_TOKEN is the caller's
// token. TIHUA_SERVICE_CONFIG names a file like protos/service_config.json, for several servers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/health" // Without it gRPC leaves out the service config's health checks.
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tihua/tihua/client/go"
	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

var poem = []string{"枯藤老树昏鸦", "小桥流水人家", "夕阳西下"}

func main() {
	collection, folder, picture := os.Args[1], os.Args[2], os.Args[3]
	connection := dial(os.Getenv("TIHUA_ADDRESS"))
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	health := must(healthv1.NewHealthClient(connection).Check(ctx, &healthv1.HealthCheckRequest{}))
	show("health", map[string]any{"status": health.Status.String()})
	show("info", must(tihuav1.NewSystemServiceClient(connection).GetServerInfo(
		ctx, &tihuav1.GetServerInfoRequest{})))
	embed(ctx, tihuav1.NewEmbeddingServiceClient(connection), picture)
	ingest(ctx, connection, collection, folder)
	list(ctx, tihuav1.NewCollectionServiceClient(connection), collection)
	search(ctx, tihuav1.NewSearchServiceClient(connection), collection, picture)
	fail(ctx, connection, collection, picture)
}

// dial opens a connection: with TLS and a token where the environment names them.
func dial(address string) *grpc.ClientConn {
	options := []grpc.DialOption{
		grpc.WithInsecure(),
		// An ingest has no deadline: without pings it would wait for ever for a vanished server.
		grpc.WithKeepaliveParams(
			keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		// A page may be as large as the server's limits allow; gRPC would refuse more than 4 MiB.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	}
	if roots, ok := os.LookupEnv("TIHUA_CA"); ok {
		tls := must(credentials.NewClientTLSFromFile(roots, ""))
		options[0] = grpc.WithTransportCredentials(tls)
	}
	if token, ok := os.LookupEnv("TIHUA_TOKEN"); ok {
		options = append(options, grpc.WithPerRPCCredentials(tihua.Token(token)))
	}
	if path, ok := os.LookupEnv("TIHUA_SERVICE_CONFIG"); ok {
		options = append(options, grpc.WithDefaultServiceConfig(string(must(os.ReadFile(path)))))
	}
	return must(grpc.Dial(address, options...))
}

// embed embeds texts and a picture, one input a call.
func embed(ctx context.Context, client tihuav1.EmbeddingServiceClient, picture string) {
	for _, text := range poem {
		answer := patiently(func() (*tihuav1.EmbedTextResponse, error) {
			return client.EmbedText(ctx, &tihuav1.EmbedTextRequest{Texts: []string{text}})
		})
		showEmbedding("embed_text", answer.Embeddings)
	}
	one := &tihuav1.EmbedImageRequest{Images: []*tihuav1.ImageSource{read(picture)}}
	showEmbedding("embed_image", must(client.EmbedImage(ctx, one)).Embeddings)
}

// patiently repeats a call for as long as the server asks to come back later.
func patiently[T any](call func() (T, error)) T {
	for {
		answer, err := call()
		delay := tihua.RefusalOf(err).RetryAfter
		if delay == 0 {
			return must(answer, err)
		}
		showRefusal("retry", err)
		time.Sleep(delay)
	}
}

// ingest writes the pictures of a folder; an id is a path within it.
func ingest(ctx context.Context, connection *grpc.ClientConn, collection, folder string) {
	_, err := tihuav1.NewCollectionServiceClient(connection).CreateCollection(
		ctx, &tihuav1.CreateCollectionRequest{Name: collection})
	if tihua.RefusalOf(err).Code != codes.AlreadyExists {
		check(err)
	}
	paths := pictures(folder)
	next := func() (*tihuav1.Item, error) {
		if len(paths) == 0 {
			return nil, io.EOF
		}
		path := paths[0]
		paths = paths[1:]
		id, err := filepath.Rel(folder, path)
		content := &tihuav1.Item_Image{Image: read(path)}
		return &tihuav1.Item{Id: filepath.ToSlash(id), Content: content, Uri: path}, err
	}
	client := tihuav1.NewIngestServiceClient(connection)
	report := must(tihua.Ingest(ctx, client, collection, next))
	failures := []uint32{}
	for _, failure := range report.Errors {
		failures = append(failures, failure.Index)
	}
	show("ingest", map[string]any{"written": report.Written, "failed": report.Failed,
		"failures": failures, "streams": report.Streams})
}

// list reads one page of the collection.
func list(ctx context.Context, client tihuav1.CollectionServiceClient, collection string) {
	page := must(client.ListItems(
		ctx, &tihuav1.ListItemsRequest{Collection: collection, Limit: proto.Uint32(1000)}))
	show("list", map[string]any{"items": len(page.Items)})
}

// search asks by text and by picture.
func search(ctx context.Context, client tihuav1.SearchServiceClient, collection, picture string) {
	terms := []*tihuav1.QueryTerm{
		{Value: &tihuav1.QueryTerm_Image{Image: read(picture)}},
		{Value: &tihuav1.QueryTerm_Text{Text: poem[2]}},
	}
	for _, term := range terms {
		show("search", must(client.Search(ctx, &tihuav1.SearchRequest{
			Collection: collection, Terms: []*tihuav1.QueryTerm{term}, Limit: proto.Uint32(5)})))
	}
}

// fail shows calls that the server refuses, that take too long, and that their caller gives up.
func fail(ctx context.Context, connection *grpc.ClientConn, collection, picture string) {
	_, err := tihuav1.NewSearchServiceClient(connection).Search(
		ctx, &tihuav1.SearchRequest{Collection: collection, Limit: proto.Uint32(1_000_000)})
	showRefusal("refusal", err)
	hasty, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	many := &tihuav1.EmbedImageRequest{Images: make([]*tihuav1.ImageSource, 64)}
	for index := range many.Images {
		many.Images[index] = read(picture)
	}
	_, err = tihuav1.NewEmbeddingServiceClient(connection).EmbedImage(hasty, many)
	showRefusal("deadline", err)
	cancellable, cancel := context.WithCancel(ctx)
	stream := must(tihuav1.NewIngestServiceClient(connection).Ingest(cancellable))
	start := &tihuav1.IngestStart{Collection: collection, SessionId: "cancelled " + collection}
	check(stream.Send(&tihuav1.IngestRequest{Message: &tihuav1.IngestRequest_Start{Start: start}}))
	must(stream.Recv())
	cancel()
	_, err = stream.Recv()
	showRefusal("cancellation", err)
}

// pictures returns the paths of the pictures below a folder, sorted.
func pictures(folder string) (paths []string) {
	isPicture := regexp.MustCompile(`(?i)\.(jpe?g|png|webp)$`)
	check(filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if isPicture.MatchString(path) {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

// read returns a picture as its file has it.
func read(path string) *tihuav1.ImageSource {
	return &tihuav1.ImageSource{Source: &tihuav1.ImageSource_Content{Content: must(os.ReadFile(path))}}
}

// showEmbedding shows the numbers of an embedding by their bits.
func showEmbedding(step string, block *tihuav1.VectorBlock) {
	var bits strings.Builder
	for _, number := range must(tihua.Embeddings(block))[0] {
		fmt.Fprintf(&bits, "%08x", math.Float32bits(number))
	}
	show(step, bits.String())
}

func showRefusal(step string, err error) {
	refusal := tihua.RefusalOf(err)
	show(step, map[string]any{"code": refusal.Code, "reason": refusal.Reason,
		"field": refusal.Field, "retry_after_s": refusal.RetryAfter.Seconds()})
}

func show(step string, answer any) {
	if message, ok := answer.(proto.Message); ok {
		answer = json.RawMessage(must(protojson.Marshal(message)))
	}
	fmt.Println(string(must(json.Marshal(map[string]any{"step": step, "answer": answer}))))
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
