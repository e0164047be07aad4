package tihua

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
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

const maxBreak = 5 * time.Minute

// IngestReport tells what became of the items of an Ingest.
type IngestReport struct {
	Written, Failed uint64
	Errors          []*tihuav1.ItemError // Each Index is a position among all items, from 0.
	Streams         int                  // How many it took: one more than there were breaks.
}

// Ingest writes items into a collection, over as many streams as it takes. After a break of up to
// five minutes what the server had not acknowledged is sent again; in memory is no more than the
// server's credit and one batch. An item that alone exceeds the credit counts as failed.
//
// next returns the next item, and io.EOF after the last. The report is never nil: beside an error
// it tells what had become of the items by then.
func Ingest(
	ctx context.Context, client tihuav1.IngestServiceClient, collection string,
	next func() (*tihuav1.Item, error),
) (*IngestReport, error) {
	report := &IngestReport{}
	var id [16]byte
	if _, err := cryptorand.Read(id[:]); err != nil {
		return report, err
	}
	session := ingestSession{batches: batches{next: next, report: report}, report: report}
	session.start.Collection, session.start.SessionId = collection, hex.EncodeToString(id[:])
	// Before Go 1.20 the global source gives the same delays in every process.
	random := rand.New(rand.NewSource(int64(binary.LittleEndian.Uint64(id[:]))))
	var progress uint64
	var brokenSince time.Time
	for attempt := 0; ; attempt++ {
		err := session.runStream(ctx, client)
		if err == nil {
			return report, nil
		}
		if attempt == 0 || session.progress() != progress { // The first break since it got on.
			attempt, progress, brokenSince = 0, session.progress(), time.Now()
		}
		refusal := RefusalOf(err)
		passes := refusal.RetryAfter > 0 || refusal.Code == codes.Unavailable ||
			refusal.Code == codes.Canceled && ctx.Err() == nil // A server that was stopping says so.
		isOver := time.Since(brokenSince) > maxBreak
		isClosed := errors.Is(err, grpc.ErrClientConnClosing) // By the caller; that is Canceled, too.
		if !passes || isOver || isClosed || session.batches.isBroken {
			return report, err
		}
		delay := 5 * time.Second
		if attempt < 6 {
			delay = 100 * time.Millisecond << attempt
		}
		delay = delay/2 + time.Duration(random.Int63n(int64(delay/2))) + refusal.RetryAfter
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return report, ctx.Err()
		}
	}
}

type ingestSession struct {
	start   tihuav1.IngestStart // Says what is acknowledged, too.
	batches batches
	pending []*batch // Not acknowledged; the first is batch start.ReadSeq + 1.
	report  *IngestReport

	// Of the stream that is open:
	resumeSeq     uint64 // Safe; the ack that says so is read before anything is sent.
	sent          int    // How many of pending are on their way.
	maySend       bool   // It has begun; it is neither half-closed nor draining.
	isComplete    bool   // The summary has come.
	creditBatches uint32
	creditBytes   uint64
	window        uint64 // The most credit there ever is, in bytes.
}

func (s *ingestSession) runStream(ctx context.Context, client tihuav1.IngestServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.report.Streams++
	stream, err := client.Ingest(ctx)
	if err != nil {
		return err
	}
	s.sent, s.maySend, s.creditBatches, s.creditBytes = 0, false, 0, 0
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
	s.creditBatches += credit.Batches
	s.creditBytes += credit.Bytes
}

// acknowledge forgets the batches that are safe, and keeps what the next stream's server is told.
func (s *ingestSession) acknowledge(ack *tihuav1.IngestAck) {
	for _, failure := range ack.Errors {
		failure.Error.Index += s.pending[failure.Seq-s.start.ReadSeq-1].first
		s.report.Errors = append(s.report.Errors, failure.Error)
	}
	for ; s.start.ReadSeq < ack.CommittedSeq; s.start.ReadSeq++ {
		s.pending[0] = nil // Or else the array behind the slice would keep it.
		s.pending = s.pending[1:]
		if s.sent > 0 {
			s.sent--
		}
	}
	s.start.ItemsWritten, s.report.Written = ack.ItemsWritten, ack.ItemsWritten
	s.start.ItemsFailed, s.report.Failed = ack.ItemsFailed, ack.ItemsFailed+s.batches.failed
	s.start.ItemsSkipped = ack.ItemsSkipped
}

// progress grows with each batch that is read, and with each that is acknowledged. By the end of a
// stream that rested too long it has grown, too: a stream rests only while the next batch is read.
func (s *ingestSession) progress() uint64 {
	return 2*s.start.ReadSeq + uint64(len(s.pending))
}

// send sends what credit allows, and half-closes after the last batch.
func (s *ingestSession) send(stream tihuav1.IngestService_IngestClient) error {
	for s.maySend && s.start.ReadSeq >= s.resumeSeq {
		if s.sent == len(s.pending) {
			next, err := s.batches.read(s.window)
			if err == io.EOF {
				s.maySend = false
				return stream.CloseSend()
			} else if err != nil {
				return err
			}
			s.pending = append(s.pending, next)
		}
		request := s.pending[s.sent].request
		request.GetBatch().Seq = s.start.ReadSeq + uint64(s.sent) + 1
		size := uint64(proto.Size(request))
		if size > s.window {
			return fmt.Errorf("this server takes %d bytes at once; a batch for the one before has %d",
				s.window, size)
		}
		if s.creditBatches == 0 || s.creditBytes < size {
			return nil
		}
		if err := stream.Send(request); err != nil {
			return err
		}
		s.sent++
		s.creditBatches--
		s.creditBytes -= size
	}
	return nil
}
