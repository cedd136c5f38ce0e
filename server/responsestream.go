package server

// responseOutput makes the output of a response, and where events is set sends
// it as it comes.
type responseOutput struct {
	res    *response
	events *eventWriter // nil: the response is sent whole
	number int          // of the next event
	open   bool         // the last item is not done
}

// event sends an event, which gets its type and number.
func (o *responseOutput) event(kind string, fields map[string]any) error {
	if o.events == nil {
		return nil
	}
	fields["type"], fields["sequence_number"] = kind, o.number
	o.number++
	return o.events.send(kind, fields)
}

// place is where an event belongs; more fields come on top.
func (o *responseOutput) place(more map[string]any) map[string]any {
	i := len(o.res.Output) - 1
	more["output_index"], more["item_id"] = i, o.res.Output[i].ID
	return more
}

func (o *responseOutput) begin(*answer) error {
	if err := o.event("response.created", map[string]any{"response": o.res}); err != nil {
		return err
	}
	return o.event("response.in_progress", map[string]any{"response": o.res})
}

// add begins an item.
func (o *responseOutput) add(it responseItem) error {
	o.res.Output = append(o.res.Output, it)
	shown := map[string]any{"type": it.Type, "id": it.ID, "status": it.Status}
	if it.Role != "" {
		shown["role"], shown["content"] = it.Role, []any{}
	} else {
		shown["call_id"], shown["name"], shown["arguments"] = it.CallID, it.Name, *it.Arguments
	}
	return o.event("response.output_item.added", map[string]any{"output_index": len(o.res.Output) - 1, "item": shown})
}

// last returns the item that was begun last.
func (o *responseOutput) last() *responseItem { return &o.res.Output[len(o.res.Output)-1] }

func newContent(text string) responseContent {
	return responseContent{Type: "output_text", Text: text, Annotations: []string{}, Logprobs: []chatLogprob{}}
}

func (o *responseOutput) text(piece string, tokens []choice) error {
	if piece == "" {
		return nil
	}
	if !o.open || o.last().Type != "message" {
		if err := o.closeBroken(); err != nil {
			return err
		}
		if err := o.openMessage(); err != nil {
			return err
		}
	}
	content := &o.last().Content[0]
	content.Text += piece
	scores := []chatLogprob{}
	if o.res.logprobs {
		scores = chatScores(tokens, o.res.TopLogprobs > 0)
		content.Logprobs = append(content.Logprobs, scores...)
	}
	return o.event("response.output_text.delta", o.place(map[string]any{"content_index": 0, "delta": piece, "logprobs": scores}))
}

func (o *responseOutput) openMessage() error {
	o.open = true
	err := o.add(responseItem{Type: "message", ID: newID("msg_"), Status: "in_progress", Role: "assistant", Content: []responseContent{newContent("")}})
	if err != nil {
		return err
	}
	return o.event("response.content_part.added", o.place(map[string]any{"content_index": 0, "part": newContent("")}))
}

// close ends the item that goes on, if there is one.
func (o *responseOutput) close(status string) error {
	if !o.open {
		return nil
	}
	o.open = false
	it := o.last()
	it.Status = status
	var err error
	if it.Type == "message" {
		content := it.Content[0]
		err = o.event("response.output_text.done", o.place(map[string]any{"content_index": 0, "text": content.Text, "logprobs": content.Logprobs}))
		if err == nil {
			err = o.event("response.content_part.done", o.place(map[string]any{"content_index": 0, "part": content}))
		}
	} else {
		err = o.event("response.function_call_arguments.done", o.place(map[string]any{"name": it.Name, "arguments": *it.Arguments}))
	}
	if err != nil {
		return err
	}
	return o.event("response.output_item.done", map[string]any{"output_index": len(o.res.Output) - 1, "item": it})
}

func (o *responseOutput) call(c *toolCall, piece string, end bool) error {
	if !o.open || o.last().CallID != c.id {
		if err := o.closeBroken(); err != nil {
			return err
		}
		o.open = true
		it := responseItem{Type: "function_call", ID: newID("fc_"), Status: "in_progress", CallID: c.id, Name: c.name, Arguments: new(string)}
		if err := o.add(it); err != nil {
			return err
		}
	}
	*o.last().Arguments = c.arguments
	if piece != "" {
		if err := o.event("response.function_call_arguments.delta", o.place(map[string]any{"delta": piece})); err != nil {
			return err
		}
	}
	if end {
		return o.close("completed")
	}
	return nil
}

// closeBroken ends the item that goes on when another begins: a message is
// complete then, a call is not.
func (o *responseOutput) closeBroken() error {
	if o.open && o.last().Type != "message" {
		return o.close("incomplete")
	}
	return o.close("completed")
}

// end completes the response.
func (o *responseOutput) end(a *answer) error {
	if len(o.res.Output) == 0 { // an answer without a word is an answer
		if err := o.openMessage(); err != nil {
			return err
		}
	}
	o.res.Status = "completed"
	if a.finish == finishLength {
		o.res.Status, o.res.Incomplete = "incomplete", &incomplete{"max_output_tokens"}
	}
	status := o.res.Status
	if o.open && o.last().Type != "message" {
		status = "incomplete" // a call that broke off
	}
	if err := o.close(status); err != nil {
		return err
	}
	u := &responseUsage{Input: a.input(), Output: a.output, Total: a.input() + a.output}
	u.InputDetails.Cached, u.InputDetails.Audio, u.InputDetails.Image = a.cached, a.usage.InputAudio, a.usage.InputImage
	u.OutputDetails.Reasoning = a.thought
	o.res.Usage = u
	return o.event("response."+o.res.Status, map[string]any{"response": o.res})
}
