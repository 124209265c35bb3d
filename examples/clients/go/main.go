// Program client lists the segments of a data source, streams the audience of the first one into a CSV file, proves that
// the file is whole, and evaluates a condition for everybody in it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	conditionsv1 "github.com/directflow/directflow-go/directflow/conditions/v1"
	segmentsv1 "github.com/directflow/directflow-go/directflow/segments/v1"
	// Without this import Details() returns errors instead of messages.
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// A deadline is mandatory: a call without one is refused.
const longest = 10 * time.Minute

func main() {
	segments := flag.String("segments", "127.0.0.1:7401", "address of segments")
	conditions := flag.String("conditions", "127.0.0.1:7402", "address of conditions")
	dataSource := flag.String("data-source", "workspaces/demo/dataSources/communities", "resource name")
	condition := flag.String("condition", "workspaces/demo/conditions/is_premium", "resource name")
	out := flag.String("out", "audience.csv", "file for the people")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	if err := run(ctx, *segments, *conditions, *dataSource, *condition, *out); err != nil {
		log.Fatal(explained(err))
	}
}

func run(ctx context.Context, segments, conditions, dataSource, condition, out string) error {
	toSegments, err := dial(segments)
	if err != nil {
		return err
	}
	defer toSegments.Close()
	toConditions, err := dial(conditions)
	if err != nil {
		return err
	}
	defer toConditions.Close()

	audiences := segmentsv1.NewAudienceServiceClient(toSegments)
	keys, err := listSegments(ctx, audiences, dataSource)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errors.New("the data source has no segments")
	}
	fmt.Printf("%d segments\n", len(keys))
	target := &segmentsv1.Target{DataSource: dataSource, Segment: &segmentsv1.Target_SegmentKey{SegmentKey: keys[0]}}
	people, err := saveAudience(ctx, audiences, target, out)
	if err != nil {
		return err
	}
	fmt.Printf("%d people of segment %s in %s, whole\n", len(people), keys[0], out)
	return evaluate(ctx, conditionsv1.NewEvaluationServiceClient(toConditions), condition, people)
}

func dial(address string) (*grpc.ClientConn, error) {
	// In production: credentials.NewTLS with the client certificate that names this service.
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func listSegments(ctx context.Context, client segmentsv1.AudienceServiceClient, dataSource string) ([]string, error) {
	var keys []string
	request := &segmentsv1.ListSegmentsRequest{DataSource: dataSource}
	for {
		page, err := client.ListSegments(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, segment := range page.Segments {
			keys = append(keys, segment.Key)
		}
		if page.NextPageToken == "" {
			return keys, nil
		}
		request.PageToken = page.NextPageToken
	}
}

// saveAudience writes the file under another name first: what carries the name is whole.
func saveAudience(
	ctx context.Context, client segmentsv1.AudienceServiceClient, target *segmentsv1.Target, path string,
) ([]string, error) {
	file, err := os.Create(path + ".part")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	people, err := stream(ctx, client, target, newTable(file))
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return people, os.Rename(path+".part", path)
}

func stream(
	ctx context.Context, client segmentsv1.AudienceServiceClient, target *segmentsv1.Target, into *table,
) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // or the server would go on for nobody when this returns early
	call, err := client.StreamAudience(ctx, &segmentsv1.StreamAudienceRequest{Target: target})
	if err != nil {
		return nil, err
	}
	var summary *segmentsv1.AudienceSummary
	for {
		message, err := call.Recv()
		if errors.Is(err, io.EOF) { // the status is OK
			break
		}
		if err != nil {
			return nil, err
		}
		switch part := message.Message.(type) {
		case *segmentsv1.StreamAudienceResponse_Header:
			err = into.begin(part.Header.Schema)
		case *segmentsv1.StreamAudienceResponse_Batch:
			err = into.add(part.Batch.GetColumns())
		case *segmentsv1.StreamAudienceResponse_Summary:
			summary = part.Summary
		}
		if err != nil {
			return nil, err
		}
	}
	if err := into.end(); err != nil {
		return nil, err
	}
	return into.people, whole(summary, int64(len(into.people)))
}

// whole is the proof: a status of OK behind a summary, whose ledger adds up and agrees with what was received.
func whole(summary *segmentsv1.AudienceSummary, received int64) error {
	if summary == nil {
		return errors.New("the stream ended without a summary: the file is not whole")
	}
	ledger := summary.Ledger
	parts := ledger.Delivered.Rows + ledger.NullKeys.Rows + ledger.NoContact.Rows + ledger.InvalidContact.Rows +
		ledger.Duplicates.Rows
	if parts != ledger.RowsRead || ledger.Delivered.Rows != received {
		return fmt.Errorf("%d rows read, %d accounted for, %d received", ledger.RowsRead, parts, received)
	}
	return nil
}

// explained adds what our errors carry: the stable reason, and the id that leads to the trace.
func explained(err error) error {
	failed, ok := status.FromError(err)
	if !ok {
		return err
	}
	reason, request := "no reason", "no request id"
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.Domain + " " + detail.Reason
		case *errdetails.RequestInfo:
			request = detail.RequestId
		}
	}
	return fmt.Errorf("%s: %s (%s, request %s)", failed.Code(), failed.Message(), reason, request)
}
