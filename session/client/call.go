package client

import (
	"context"
	"encoding/json"
	"fmt"
)

// call is a call of a tool that the model made.
type call struct {
	name, id  string
	arguments json.RawMessage
}

// result is what came of it.
type result struct {
	call
	output string
	err    error
}

// runCall calls a tool and hands its result to the loop.
func (c *Client) runCall(ctx context.Context, k call, results chan<- result) {
	r := result{call: k}
	if tool, ok := c.tools[k.name]; ok && tool.Call != nil {
		r.output, r.err = tool.Call(ctx, k.arguments)
	} else {
		r.err = fmt.Errorf("client: there is no tool %.64q", k.name)
	}
	if r.err != nil {
		output, _ := json.Marshal(map[string]string{"error": r.err.Error()}) // strings always can be
		r.output = string(output)
	}
	select {
	case results <- r:
	case <-ctx.Done():
	}
}

// returned tells the model what a tool returned. When all have, the model goes
// on.
func (c *Client) returned(r result) (Event, error) {
	item := map[string]any{"type": "function_call_output", "call_id": r.id, "output": r.output}
	if err := c.send("conversation.item.create", map[string]any{"item": item}); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	event := Called{r.name, r.arguments, r.output, r.err}
	if c.pending--; c.pending > 0 {
		return event, nil
	}
	return event, c.respond()
}
