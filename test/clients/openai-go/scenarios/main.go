// The official Go SDK. Prints one JSON line per scenario, which dev/clients/run.ts reads.
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"
)

const limit = 40 * time.Second

type result struct {
	Scenario string `json:"scenario"`
	Result   string `json:"result"`
	Detail   string `json:"detail,omitempty"`
}

func main() {
	lines := json.NewEncoder(os.Stdout)
	for _, scenario := range scenarios {
		line := result{Scenario: scenario.name, Result: "passed"}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		if err := scenario.run(ctx); err != nil {
			line.Result, line.Detail = "failed", err.Error()
		}
		cancel()
		if err := lines.Encode(line); err != nil {
			panic(err)
		}
	}
}
