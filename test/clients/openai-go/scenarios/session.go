package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/realtime"
)

// session is a connection of the SDK that checks every event.
type session struct {
	ctx  context.Context
	conn *realtime.RealtimeConnection
	seen []realtime.RealtimeServerEventUnion
}

// open connects; an option selects a model, or the kind of session.
func open(ctx context.Context, client openai.Client, opts ...option.RequestOption) (*session, error) {
	conn, err := client.Realtime.Connect(ctx, realtime.RealtimeConnectionOptions{}, opts...)
	if err != nil {
		return nil, err
	}
	s := &session{ctx: ctx, conn: conn}
	_, err = s.next("session.created")
	return s, err
}

func (s *session) close() { s.conn.Abort() }

func (s *session) send(event realtime.RealtimeClientEventUnionParam) error {
	return s.conn.Send(s.ctx, event)
}

// next returns the next event of a type, and fails on an unexpected error.
func (s *session) next(kind string) (realtime.RealtimeServerEventUnion, error) {
	for {
		event, err := s.conn.Recv(s.ctx)
		if err == nil {
			err = checkEvent(event)
		}
		if err != nil {
			return event, err
		}
		s.seen = append(s.seen, event)
		if event.Type == kind {
			return event, nil
		}
		if event.Type == "error" {
			return event, fmt.Errorf("unexpected %s", event.RawJSON())
		}
	}
}

func (s *session) saw(kind string) bool {
	return slices.ContainsFunc(s.seen, func(event realtime.RealtimeServerEventUnion) bool { return event.Type == kind })
}

func (s *session) configure(config realtime.RealtimeSessionCreateRequestParam) error {
	if err := s.send(realtime.RealtimeClientEventParamOfSessionUpdate(config)); err != nil {
		return err
	}
	_, err := s.next("session.updated")
	return err
}

func userMessage(text string) realtime.RealtimeConversationItemUserMessageParam {
	return realtime.RealtimeConversationItemUserMessageParam{
		Content: []realtime.RealtimeConversationItemUserMessageContentParam{
			{Type: "input_text", Text: openai.String(text)},
		},
	}
}

// ask sends a message of the user and requests a response.
func (s *session) ask(text string) error {
	if err := s.send(realtime.RealtimeClientEventParamOfConversationItemCreate(userMessage(text))); err != nil {
		return err
	}
	return s.respond()
}

func (s *session) respond() error {
	return s.send(realtime.RealtimeClientEventUnionParam{OfResponseCreate: &realtime.ResponseCreateEventParam{}})
}

// speak sends a recorded sentence with silence around it: mono 16-bit PCM at 24 kHz, in pieces of 100 ms.
func (s *session) speak(name string) error {
	audio, err := os.ReadFile(filepath.Join(os.Getenv("PARLEY_RECORDINGS"), name+".pcm"))
	if err != nil {
		return err
	}
	for piece := range slices.Chunk(audio, 4800) {
		encoded := base64.StdEncoding.EncodeToString(piece)
		if err := s.send(realtime.RealtimeClientEventParamOfInputAudioBufferAppend(encoded)); err != nil {
			return err
		}
	}
	return nil
}

// expectAnswer waits for the end of the next response, and for one of the words in its text or transcript.
func (s *session) expectAnswer(words ...string) error {
	event, err := s.next("response.done")
	if err != nil {
		return err
	}
	response := event.AsResponseDoneEvent().Response
	if response.Status != "completed" || len(response.Output) == 0 {
		return fmt.Errorf("the response is %s", response.RawJSON())
	}
	part := response.Output[0].OfRealtimeConversationItemAssistantMessage.Content[0]
	answer := strings.ToLower(part.Text + part.Transcript)
	for _, word := range words {
		if strings.Contains(answer, word) {
			return nil
		}
	}
	return fmt.Errorf("the answer is %q", answer)
}
