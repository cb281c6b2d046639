package main

import (
	"context"
	"fmt"
	"log"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/realtime"
)

func main() {
	ctx := context.Background()
	// OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
	client := openai.NewClient()
	model := option.WithQuery("model", "gpt-realtime")
	conn, err := client.Realtime.Connect(ctx, realtime.RealtimeConnectionOptions{}, model)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	question := realtime.RealtimeConversationItemUserMessageParam{
		Content: []realtime.RealtimeConversationItemUserMessageContentParam{
			{Type: "input_text", Text: openai.String("What is twelve times seven?")},
		},
	}
	for _, event := range []realtime.RealtimeClientEventUnionParam{
		realtime.RealtimeClientEventParamOfSessionUpdate(realtime.RealtimeSessionCreateRequestParam{
			OutputModalities: []string{"text"},
		}),
		realtime.RealtimeClientEventParamOfConversationItemCreate(question),
		{OfResponseCreate: &realtime.ResponseCreateEventParam{}},
	} {
		if err := conn.Send(ctx, event); err != nil {
			log.Fatal(err)
		}
	}
	for {
		event, err := conn.Recv(ctx)
		if err != nil {
			log.Fatal(err)
		}
		switch event := event.AsAny().(type) {
		case realtime.ResponseTextDoneEvent:
			fmt.Println(event.Text)
		case realtime.ResponseDoneEvent:
			return
		case realtime.RealtimeErrorEvent:
			log.Fatal(event.Error.Message)
		}
	}
}
