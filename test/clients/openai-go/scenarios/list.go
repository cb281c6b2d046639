package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/realtime"
)

var (
	client   = openai.NewClient() // OPENAI_BASE_URL and OPENAI_API_KEY
	model    = option.WithQuery("model", "gpt-realtime")
	textOnly = realtime.RealtimeSessionCreateRequestParam{OutputModalities: []string{"text"}}
)

var scenarios = []struct {
	name string
	run  func(ctx context.Context) error
}{
	{"text turn", with(textTurn, model)},
	{"spoken turn", with(spokenTurn, model)},
	{"tool call", with(toolCall, model)},
	{"interruption", with(interruption, model)},
	{"push-to-talk", with(pushToTalk, model)},
	{"transcription session", with(transcriptionSession, option.WithQuery("intent", "transcription"))},
	{"out-of-band response", with(outOfBand, model)},
	{"error on a bad event", with(badEvent, model)},
	{"client secret", clientSecret},
}

// with runs a scenario in a session of its own.
func with(scenario func(*session) error, opts ...option.RequestOption) func(context.Context) error {
	return func(ctx context.Context) error {
		s, err := open(ctx, client, opts...)
		if err != nil {
			return err
		}
		defer s.close()
		return scenario(s)
	}
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) await(kind string, check func(realtime.RealtimeServerEventUnion) bool) func() error {
	return func() error {
		event, err := s.next(kind)
		if err == nil && !check(event) {
			err = fmt.Errorf("unexpected %s", event.RawJSON())
		}
		return err
	}
}

func always(realtime.RealtimeServerEventUnion) bool { return true }

func textTurn(s *session) error {
	return inOrder(
		func() error { return s.configure(textOnly) },
		func() error { return s.ask("What is twelve times seven?") },
		s.await("response.output_text.delta", func(event realtime.RealtimeServerEventUnion) bool {
			return event.AsResponseTextDeltaEvent().Delta != ""
		}),
		func() error { return s.expectAnswer("84") },
	)
}

func heardQuestion(event realtime.RealtimeServerEventUnion) bool {
	completed := event.AsConversationItemInputAudioTranscriptionCompletedEvent()
	return strings.Contains(completed.Transcript, "times seven")
}

func spokenTurn(s *session) error {
	var config realtime.RealtimeSessionCreateRequestParam
	config.Audio.Input.Transcription.Model = "whisper-1"
	return inOrder(
		func() error { return s.configure(config) },
		func() error { return s.speak("question") },
		s.await("input_audio_buffer.speech_stopped", always),
		s.await("conversation.item.input_audio_transcription.completed", heardQuestion),
		s.await("response.output_audio.delta", func(event realtime.RealtimeServerEventUnion) bool {
			return event.AsResponseAudioDeltaEvent().Delta != ""
		}),
		func() error { return s.expectAnswer("84", "eighty") },
	)
}

func toolCall(s *session) error {
	config := textOnly
	config.Tools = realtime.RealtimeToolsConfigParam{{OfFunction: &realtime.RealtimeFunctionToolParam{
		Type:        "function",
		Name:        openai.String("get_weather"),
		Description: openai.String("Get the current weather in a city"),
		Parameters: map[string]any{
			"type":       "object",
			"properties": map[string]any{"city": map[string]any{"type": "string"}},
			"required":   []string{"city"},
		},
	}}}
	var callID string
	return inOrder(
		func() error { return s.configure(config) },
		func() error { return s.ask("What is the weather in Paris?") },
		s.await("response.function_call_arguments.done", func(event realtime.RealtimeServerEventUnion) bool {
			call := event.AsResponseFunctionCallArgumentsDoneEvent()
			callID = call.CallID
			var arguments struct{ City string }
			return json.Unmarshal([]byte(call.Arguments), &arguments) == nil && arguments.City == "Paris"
		}),
		s.await("response.done", always),
		func() error {
			output := realtime.RealtimeConversationItemFunctionCallOutputParam{
				CallID: callID, Output: "It is 21 degrees and sunny.",
			}
			return s.send(realtime.RealtimeClientEventParamOfConversationItemCreate(output))
		},
		s.respond,
		func() error { return s.expectAnswer("21 degrees") },
	)
}

func interruption(s *session) error {
	long := "Say exactly: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
	var itemID string
	return inOrder(
		func() error { return s.ask(long) },
		s.await("response.output_audio.delta", func(event realtime.RealtimeServerEventUnion) bool {
			itemID = event.AsResponseAudioDeltaEvent().ItemID
			return true
		}),
		func() error { return s.speak("stop") },
		s.await("input_audio_buffer.speech_started", always),
		func() error {
			return s.send(realtime.RealtimeClientEventParamOfConversationItemTruncate(500, 0, itemID))
		},
		s.await("response.done", func(event realtime.RealtimeServerEventUnion) bool {
			// The SDK declares status_details as a string, so that only its JSON can be read.
			details := event.AsResponseDoneEvent().Response.JSON.StatusDetails.Raw()
			return strings.Contains(details, `"turn_detected"`)
		}),
		s.await("conversation.item.truncated", func(event realtime.RealtimeServerEventUnion) bool {
			return event.AsConversationItemTruncatedEvent().AudioEndMs == 500
		}),
	)
}

func pushToTalk(s *session) error {
	config := textOnly
	config.Audio.Input.TurnDetection = param.NullStruct[realtime.RealtimeAudioInputTurnDetectionUnionParam]()
	commit := realtime.RealtimeClientEventUnionParam{OfInputAudioBufferCommit: &realtime.InputAudioBufferCommitEventParam{}}
	return inOrder(
		func() error { return s.configure(config) },
		func() error { return s.speak("question") },
		func() error { return s.send(commit) },
		s.await("input_audio_buffer.committed", always),
		s.respond,
		func() error { return s.expectAnswer("84") },
	)
}

func transcriptionSession(s *session) error {
	var config realtime.RealtimeTranscriptionSessionCreateRequestParam
	config.Audio.Input.Transcription.Model = "gpt-4o-transcribe"
	config.Audio.Input.Transcription.Language = openai.String("en")
	return inOrder(
		func() error { return s.send(realtime.RealtimeClientEventParamOfSessionUpdate(config)) },
		s.await("session.updated", always),
		func() error { return s.speak("question") },
		s.await("conversation.item.input_audio_transcription.completed", heardQuestion),
	)
}

func outOfBand(s *session) error {
	billing := userMessage("Say exactly: billing.")
	create := realtime.ResponseCreateEventParam{Response: realtime.RealtimeResponseCreateParams{
		Conversation:     "none",
		OutputModalities: []string{"text"},
		Metadata:         map[string]string{"purpose": "routing"},
		Input:            []realtime.ConversationItemUnionParam{{OfRealtimeUserMessageItem: &billing}},
	}}
	err := inOrder(
		func() error { return s.send(realtime.RealtimeClientEventUnionParam{OfResponseCreate: &create}) },
		func() error { return s.expectAnswer("billing") },
	)
	if err == nil && s.saw("conversation.item.added") {
		err = errors.New("an item was added to the conversation")
	}
	last := s.seen[len(s.seen)-1].AsResponseDoneEvent()
	if err == nil && last.Response.Metadata["purpose"] != "routing" {
		err = fmt.Errorf("the metadata is %v", last.Response.Metadata)
	}
	return err
}

func badEvent(s *session) error {
	return inOrder(
		func() error { return s.conn.SendRaw(s.ctx, json.RawMessage(`{"type":"nope","event_id":"mine"}`)) },
		s.await("error", func(event realtime.RealtimeServerEventUnion) bool {
			problem := event.AsRealtimeErrorEvent().Error
			return problem.Code == "invalid_value" && problem.EventID == "mine"
		}),
		func() error { return s.configure(textOnly) },
		func() error { return s.ask("Say exactly: still here.") },
		func() error { return s.expectAnswer("still here") },
	)
}

func clientSecret(ctx context.Context) error {
	config := textOnly
	config.Instructions = openai.String("Say exactly: by secret.")
	secret, err := client.Realtime.ClientSecrets.New(ctx, realtime.ClientSecretNewParams{
		Session: realtime.ClientSecretNewParamsSessionUnion{OfRealtime: &config},
	})
	if err != nil {
		return err
	}
	s, err := open(ctx, openai.NewClient(option.WithAPIKey(secret.Value)), model)
	if err != nil {
		return err
	}
	defer s.close()
	return inOrder(s.respond, func() error { return s.expectAnswer("by secret") })
}
