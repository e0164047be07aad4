package tihua

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

const (
	maxBatchItems = 16      // 8 to 64 travel best,
	maxBatchBytes = 4 << 20 // and at most 4 MiB; a larger item goes alone.
	maxBreak      = 5 * time.Minute

	streamIdle = "STREAM_IDLE" // Why a stream ends that rested: no outage.
)

// IngestReport tells what became of the items of an Ingest.
type IngestReport struct {
	Written, Failed uint64
	Errors          []*tihuav1.ItemError
	Streams         int // How many it took: one more than there were breaks.
}

// Ingest writes items into a collection, over as many streams as it takes. After a break of up to
// five minutes what the server had not acknowledged is sent again; in memory is no more than the
// server's credit and one batch.
//
// next returns the next item, and io.EOF after the last.
func Ingest(
	ctx context.Context, client tihuav1.IngestServiceClient, collection string,
	next func() (*tihuav1.Item, error),
) (*IngestReport, error) {
	var id [16]byte
	if _, err := cryptorand.Read(id[:]); err != nil {
		return nil, err
	}
	session := ingestSession{next: next}
	session.start.Collection, session.start.SessionId = collection, hex.EncodeToString(id[:])
	var progress uint64
	var brokenSince time.Time
	for attempt := 0; ; attempt++ {
		err := session.runStream(ctx, client)
		if err == nil {
			return &session.report, nil
		}
		if attempt == 0 || session.progress() != progress { // The first break since it got on.
			attempt, progress, brokenSince = 0, session.progress(), time.Now()
		}
		refusal := RefusalOf(err)
		passes := refusal.RetryAfter > 0 || refusal.Code == codes.Unavailable ||
			refusal.Code == codes.Canceled && ctx.Err() == nil // A server that was stopping says so.
		isOver := time.Since(brokenSince) > maxBreak && refusal.Reason != streamIdle
		isClosed := errors.Is(err, grpc.ErrClientConnClosing) // By the caller; that is Canceled, too.
		if !passes || isOver || isClosed || session.isSourceBroken {
			return nil, err
		}
		delay := 5 * time.Second
		if attempt < 6 {
			delay = 100 * time.Millisecond << attempt
		}
		delay = delay/2 + time.Duration(rand.Int63n(int64(delay/2))) + refusal.RetryAfter
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type ingestSession struct {
	start          tihuav1.IngestStart // Says what is acknowledged, too.
	next           func() (*tihuav1.Item, error)
	spare          *tihuav1.Item            // Read, and too large for the batch before it.
	isEmpty        bool                     // next has nothing more.
	isSourceBroken bool                     // next has failed.
	pending        []*tihuav1.IngestRequest // Not acknowledged; the first is batch start.ReadSeq + 1.
	report         IngestReport

	// Of the stream that is open:
	resumeSeq  uint64 // Safe; the ack that says so is read before anything is sent.
	sent       int    // How many of pending are on their way.
	maySend    bool   // It has begun; it is neither half-closed nor draining.
	isComplete bool   // The summary has come.
	batches    uint32
	bytes      uint64 // What credit is left.
	window     uint64 // The most credit there ever is.
}

func (s *ingestSession) runStream(ctx context.Context, client tihuav1.IngestServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Ingest(ctx)
	if err != nil {
		return err
	}
	s.report.Streams++
	s.sent, s.maySend, s.batches, s.bytes = 0, false, 0, 0
	start := &tihuav1.IngestRequest_Start{Start: &s.start}
	err = stream.Send(&tihuav1.IngestRequest{Message: start})
	for err == nil || err == io.EOF { // If Send fails with io.EOF, Recv tells why.
		var response *tihuav1.IngestResponse
		if response, err = stream.Recv(); err == io.EOF {
			if s.isComplete {
				return nil
			}
			return errors.New("the server ended the stream without a summary")
		} else if err != nil {
			return err
		}
		s.receive(response)
		err = s.send(stream)
	}
	return err
}

func (s *ingestSession) receive(response *tihuav1.IngestResponse) {
	switch message := response.Message.(type) {
	case *tihuav1.IngestResponse_Started:
		s.resumeSeq, s.maySend = message.Started.CommittedSeq, true
		s.window = message.Started.Credit.Bytes
		s.grant(message.Started.Credit)
	case *tihuav1.IngestResponse_Credit:
		s.grant(message.Credit)
	case *tihuav1.IngestResponse_Ack:
		s.acknowledge(message.Ack)
	case *tihuav1.IngestResponse_Draining:
		s.maySend = false
	case *tihuav1.IngestResponse_Summary:
		s.isComplete = true
	}
}

func (s *ingestSession) grant(credit *tihuav1.IngestCredit) {
	s.batches += credit.Batches
	s.bytes += credit.Bytes
}

// acknowledge forgets the batches that are safe, and keeps what the next stream's server is told.
func (s *ingestSession) acknowledge(ack *tihuav1.IngestAck) {
	for ; s.start.ReadSeq < ack.CommittedSeq; s.start.ReadSeq++ {
		s.pending = s.pending[1:]
		if s.sent > 0 {
			s.sent--
		}
	}
	s.start.ItemsWritten, s.report.Written = ack.ItemsWritten, ack.ItemsWritten
	s.start.ItemsFailed, s.report.Failed = ack.ItemsFailed, ack.ItemsFailed
	s.start.ItemsSkipped = ack.ItemsSkipped
	for _, failure := range ack.Errors {
		s.report.Errors = append(s.report.Errors, failure.Error)
	}
}

// progress grows with each batch that is read, and with each that is acknowledged.
func (s *ingestSession) progress() uint64 {
	return 2*s.start.ReadSeq + uint64(len(s.pending))
}

// send sends what credit allows, and half-closes after the last batch.
func (s *ingestSession) send(stream tihuav1.IngestService_IngestClient) error {
	for s.maySend && s.start.ReadSeq >= s.resumeSeq {
		if s.sent == len(s.pending) {
			if err := s.readBatch(); err == io.EOF {
				s.maySend = false
				return stream.CloseSend()
			} else if err != nil {
				return err
			}
		}
		request := s.pending[s.sent]
		request.GetBatch().Seq = s.start.ReadSeq + uint64(s.sent) + 1
		size := uint64(proto.Size(request))
		if size > s.window {
			return fmt.Errorf("item %q takes %d bytes; the server takes %d at once",
				request.GetBatch().Items[0].Id, size, s.window)
		}
		if s.batches == 0 || s.bytes < size {
			return nil
		}
		if err := stream.Send(request); err != nil {
			return err
		}
		s.sent, s.batches, s.bytes = s.sent+1, s.batches-1, s.bytes-size
	}
	return nil
}

// readBatch appends the next batch to pending; io.EOF if there is none.
func (s *ingestSession) readBatch() error {
	batch := &tihuav1.IngestBatch{}
	for size := 0; !s.isEmpty && len(batch.Items) < maxBatchItems; {
		item := s.spare
		if s.spare = nil; item == nil {
			var err error
			if item, err = s.next(); err == io.EOF {
				s.isEmpty = true
				break
			} else if err != nil {
				s.isSourceBroken = true
				return err
			}
		}
		if size += proto.Size(item); size > maxBatchBytes && len(batch.Items) > 0 {
			s.spare = item
			break
		}
		batch.Items = append(batch.Items, item)
	}
	if len(batch.Items) == 0 {
		return io.EOF
	}
	request := &tihuav1.IngestRequest{Message: &tihuav1.IngestRequest_Batch{Batch: batch}}
	s.pending = append(s.pending, request)
	return nil
}
