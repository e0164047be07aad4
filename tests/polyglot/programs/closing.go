// A program that closes its connection during an ingest, as one that stops does. The item before is
// too large for the server.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"google.golang.org/grpc"

	"github.com/tihua/tihua/client/go"
	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

func main() {
	connection, err := grpc.Dial(os.Getenv("TIHUA_ADDRESS"), grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	items := []*tihuav1.Item{
		{Id: "a", Content: &tihuav1.Item_Text{Text: strings.Repeat("马", 1<<18)}},
		{Id: "b", Content: &tihuav1.Item_Text{Text: "马"}},
	}
	next := func() (*tihuav1.Item, error) {
		if len(items) == 0 {
			return nil, io.EOF
		}
		item := items[0]
		if items = items[1:]; len(items) == 0 {
			connection.Close()
		}
		return item, nil
	}
	client := tihuav1.NewIngestServiceClient(connection)
	report, err := tihua.Ingest(context.Background(), client, os.Args[1], next)
	fmt.Println("ended:", err)
	fmt.Println("failed:", report.Errors[0].Id, report.Errors[0].Reason)
}
