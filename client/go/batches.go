package tihua

import (
	"fmt"
	"io"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

const (
	maxBatchItems = 16      // 8 to 64 travel best,
	maxBatchBytes = 4 << 20 // and at most 4 MiB; a larger item goes alone.

	requestOverhead = 32 // Tags, lengths, number of a batch, at most,
	itemOverhead    = 6  // and of each item in it.
)

// batch is a request to be sent.
type batch struct {
	request *tihuav1.IngestRequest
	first   uint32 // The position of its first item among all; the others follow it.
}

// batches cuts items into batches that the server takes.
type batches struct {
	next     func() (*tihuav1.Item, error)
	report   *IngestReport
	spare    *tihuav1.Item // Read, and not in a batch yet.
	position uint32        // Of the next item among all.
	failed   uint64        // Items that are too large to be sent.
	isEmpty  bool          // next has nothing more.
	isBroken bool          // next has failed.
}

// read returns the next batch, of at most window bytes; io.EOF if there is none. An item that is
// larger by itself has failed.
func (b *batches) read(window uint64) (*batch, error) {
	limit := window
	if limit > maxBatchBytes {
		limit = maxBatchBytes
	}
	items := &tihuav1.IngestBatch{}
	first, bytes := b.position, uint64(requestOverhead)
	for len(items.Items) < maxBatchItems {
		item, err := b.take()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		size := itemOverhead + uint64(proto.Size(item))
		if bytes+size > limit && len(items.Items) > 0 {
			b.spare = item
			break
		}
		b.position++
		if requestOverhead+size > window {
			b.fail(item, requestOverhead+size, window)
			first = b.position
			continue
		}
		items.Items = append(items.Items, item)
		bytes += size
	}
	if len(items.Items) == 0 {
		return nil, io.EOF
	}
	request := &tihuav1.IngestRequest{Message: &tihuav1.IngestRequest_Batch{Batch: items}}
	return &batch{request, first}, nil
}

// take returns the next item, io.EOF if there is none.
func (b *batches) take() (item *tihuav1.Item, err error) {
	if item, b.spare = b.spare, nil; item != nil {
		return item, nil
	}
	if b.isEmpty {
		return nil, io.EOF
	}
	item, err = b.next()
	b.isEmpty = err == io.EOF
	b.isBroken = err != nil && err != io.EOF
	return item, err
}

// fail counts an item that is read.
func (b *batches) fail(item *tihuav1.Item, size, window uint64) {
	b.failed++
	b.report.Failed++
	b.report.Errors = append(b.report.Errors, &tihuav1.ItemError{
		Index:   b.position - 1,
		Id:      item.Id,
		Code:    int32(codes.ResourceExhausted),
		Reason:  "TOO_LARGE",
		Message: fmt.Sprintf("the item is %d bytes; the server takes %d at once", size, window),
		Metadata: map[string]string{
			"bytes": strconv.FormatUint(size, 10), "limit": strconv.FormatUint(window, 10)},
	})
}
