package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	conditionsv1 "github.com/directflow/directflow-go/directflow/conditions/v1"
	"google.golang.org/grpc"
)

const peopleInMessage = 10_000

type evaluations = grpc.BidiStreamingClient[
	conditionsv1.StreamEvaluationsRequest, conditionsv1.StreamEvaluationsResponse]

// evaluate asks one condition about everybody. Writing and reading go on at the same time: the service reads ahead by
// three messages at most.
func evaluate(
	ctx context.Context, client conditionsv1.EvaluationServiceClient, condition string, people []string,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := client.StreamEvaluations(ctx)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- send(call, condition, people) }()
	summary, answered, err := receive(call)
	if err != nil {
		return err // the status says why; sending fails with io.EOF then
	}
	if err := <-sent; err != nil {
		return err
	}
	if summary == nil || summary.ProfileCount != int64(len(people)) || answered != len(people) {
		return fmt.Errorf("%d of %d people answered", answered, len(people))
	}
	fmt.Printf("%s: %d true, %d false, %d undecided\n",
		condition, summary.TrueCount, summary.FalseCount, summary.ErrorCount)
	return nil
}

func send(call evaluations, condition string, people []string) error {
	start := &conditionsv1.EvaluationStart{Condition: condition}
	message := &conditionsv1.StreamEvaluationsRequest_Start{Start: start}
	if err := call.Send(&conditionsv1.StreamEvaluationsRequest{Message: message}); err != nil {
		return err
	}
	for first := 0; first < len(people); first += peopleInMessage {
		ids := people[first:min(first+peopleInMessage, len(people))]
		profiles := &conditionsv1.ProfileColumns{ProfileIds: ids}
		message := &conditionsv1.StreamEvaluationsRequest_Profiles{Profiles: profiles}
		if err := call.Send(&conditionsv1.StreamEvaluationsRequest{Message: message}); err != nil {
			return err
		}
	}
	return call.CloseSend()
}

// receive counts the answers; a real program would route each person by batch.Decided[i], in the order of sending.
func receive(call evaluations) (*conditionsv1.EvaluationsSummary, int, error) {
	var summary *conditionsv1.EvaluationsSummary
	answered := 0
	for {
		message, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return summary, answered, nil
		}
		if err != nil {
			return nil, 0, err
		}
		answered += len(message.GetEvaluations().GetDecided())
		if message.GetSummary() != nil {
			summary = message.GetSummary()
		}
	}
}
