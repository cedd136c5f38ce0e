package server

// responseOutput makes the output of a response, and where events is set sends
// it as it comes.
type responseOutput struct {
	res    *response
	events *eventWriter // nil: the response is sent whole
	number int          // of the next event
	open   bool         // the last item is a message that goes on
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
		shown["call_id"], shown["name"], shown["arguments"] = it.CallID, it.Name, ""
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
	if !o.open {
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

// closeMessage ends the message that goes on, if there is one.
func (o *responseOutput) closeMessage(status string) error {
	if !o.open {
		return nil
	}
	o.open = false
	it := o.last()
	it.Status = status
	content := it.Content[0]
	if err := o.event("response.output_text.done", o.place(map[string]any{"content_index": 0, "text": content.Text, "logprobs": content.Logprobs})); err != nil {
		return err
	}
	if err := o.event("response.content_part.done", o.place(map[string]any{"content_index": 0, "part": content})); err != nil {
		return err
	}
	return o.itemDone()
}

func (o *responseOutput) itemDone() error {
	return o.event("response.output_item.done", map[string]any{"output_index": len(o.res.Output) - 1, "item": o.last()})
}

func (o *responseOutput) call(c toolCall) error {
	if err := o.closeMessage("completed"); err != nil {
		return err
	}
	it := responseItem{Type: "function_call", ID: newID("fc_"), Status: "in_progress", CallID: c.id, Name: c.name, Arguments: &c.arguments}
	if err := o.add(it); err != nil {
		return err
	}
	o.last().Status = "completed"
	if err := o.event("response.function_call_arguments.delta", o.place(map[string]any{"delta": c.arguments})); err != nil {
		return err
	}
	done := o.place(map[string]any{"name": c.name, "arguments": c.arguments})
	if err := o.event("response.function_call_arguments.done", done); err != nil {
		return err
	}
	return o.itemDone()
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
	if err := o.closeMessage(o.res.Status); err != nil {
		return err
	}
	u := &responseUsage{Input: a.input(), Output: a.output, Total: a.input() + a.output}
	u.InputDetails.Cached, u.InputDetails.Audio, u.InputDetails.Image = a.cached, a.usage.InputAudio, a.usage.InputImage
	u.OutputDetails.Reasoning = a.thought
	o.res.Usage = u
	return o.event("response."+o.res.Status, map[string]any{"response": o.res})
}
