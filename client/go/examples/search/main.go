// Searches a collection by text: the shortest client there is.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/grpc"

	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

func main() {
	// [call]
	connection, err := grpc.Dial(os.Getenv("TIHUA_ADDRESS"), grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	term := &tihuav1.QueryTerm{Value: &tihuav1.QueryTerm_Text{Text: "夕阳西下"}}
	answer, err := tihuav1.NewSearchServiceClient(connection).Search(context.Background(),
		&tihuav1.SearchRequest{Collection: "pictures", Terms: []*tihuav1.QueryTerm{term}})
	if err != nil {
		log.Fatal(err)
	}
	for _, hit := range answer.Hits {
		fmt.Printf("%.3f %s\n", hit.Score, hit.Item.Uri)
	}
	// [/call]
}
