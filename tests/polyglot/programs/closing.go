// A program that closes its connection during an ingest, as one that stops does.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/grpc"

	"github.com/tihua/tihua/client/go"
	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

func main() {
	connection, err := grpc.Dial(os.Getenv("TIHUA_ADDRESS"), grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	next := func() (*tihuav1.Item, error) {
		connection.Close()
		return &tihuav1.Item{Id: "a", Content: &tihuav1.Item_Text{Text: "马"}}, nil
	}
	client := tihuav1.NewIngestServiceClient(connection)
	_, err = tihua.Ingest(context.Background(), client, os.Args[1], next)
	fmt.Println("ended:", err)
}
