package realtime

import "time"

func (e SessionCreated) appendFields(b []byte) []byte { return e.Session.append(key(b, "session")) }
func (e SessionUpdated) appendFields(b []byte) []byte { return e.Session.append(key(b, "session")) }

func (e ItemAdded) appendFields(b []byte) []byte { return appendPlaced(b, e.Previous, e.Item) }
func (e ItemDone) appendFields(b []byte) []byte  { return appendPlaced(b, e.Previous, e.Item) }

func appendPlaced(b []byte, previous string, it *Item) []byte {
	b = fieldNullable(b, "previous_item_id", previous)
	return it.append(key(b, "item"))
}

func (e ItemRetrieved) appendFields(b []byte) []byte { return e.Item.append(key(b, "item")) }
func (e ItemDeleted) appendFields(b []byte) []byte   { return fieldString(b, "item_id", e.ItemID) }

func (e ItemTruncated) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "content_index", int64(e.ContentIndex))
	return fieldInt(b, "audio_end_ms", int64(e.AudioEndMS))
}

func (e AudioCommitted) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	return fieldNullable(b, "previous_item_id", e.Previous)
}

func (AudioCleared) appendFields(b []byte) []byte { return b }

func (e SpeechStarted) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	return fieldInt(b, "audio_start_ms", int64(e.AudioStartMS))
}

func (e SpeechStopped) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	return fieldInt(b, "audio_end_ms", int64(e.AudioEndMS))
}

func (e ResponseCreated) appendFields(b []byte) []byte { return e.Response.append(key(b, "response")) }
func (e ResponseDone) appendFields(b []byte) []byte    { return e.Response.append(key(b, "response")) }

func (e OutputItemAdded) appendFields(b []byte) []byte {
	return appendOutput(b, e.ResponseID, e.OutputIndex, e.Item)
}

func (e OutputItemDone) appendFields(b []byte) []byte {
	return appendOutput(b, e.ResponseID, e.OutputIndex, e.Item)
}

func appendOutput(b []byte, response string, index int, it *Item) []byte {
	b = fieldString(b, "response_id", response)
	b = fieldInt(b, "output_index", int64(index))
	return it.append(key(b, "item"))
}

func (p Place) append(b []byte) []byte {
	b = fieldString(b, "response_id", p.ResponseID)
	b = fieldString(b, "item_id", p.ItemID)
	b = fieldInt(b, "output_index", int64(p.OutputIndex))
	return fieldInt(b, "content_index", int64(p.ContentIndex))
}

func (e PartAdded) appendFields(b []byte) []byte {
	return e.Part.append(key(e.Place.append(b), "part"))
}
func (e PartDone) appendFields(b []byte) []byte { return e.Part.append(key(e.Place.append(b), "part")) }

func (e TextDelta) appendFields(b []byte) []byte {
	return fieldString(e.Place.append(b), "delta", e.Delta)
}

func (e TextDone) appendFields(b []byte) []byte {
	return fieldString(e.Place.append(b), "text", e.Text)
}

func (e ArgumentsDelta) appendFields(b []byte) []byte {
	b = fieldString(b, "response_id", e.ResponseID)
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "output_index", int64(e.OutputIndex))
	b = fieldString(b, "call_id", e.CallID)
	return fieldString(b, "delta", e.Delta)
}

func (e ArgumentsDone) appendFields(b []byte) []byte {
	b = fieldString(b, "response_id", e.ResponseID)
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "output_index", int64(e.OutputIndex))
	b = fieldString(b, "call_id", e.CallID)
	b = fieldString(b, "name", e.Name)
	return fieldString(b, "arguments", e.Arguments)
}

func (e ErrorEvent) appendFields(b []byte) []byte {
	kind := e.Err.Kind
	if kind == "" {
		kind = TypeInvalidRequest
	}
	b = append(key(b, "error"), '{')
	b = fieldString(b, "type", kind)
	b = fieldNullable(b, "code", e.Err.Code)
	b = fieldString(b, "message", e.Err.Message)
	b = fieldNullable(b, "param", e.Err.Param)
	b = fieldNullable(b, "event_id", e.Err.EventID)
	return append(b, '}')
}

// append writes the session with every default filled in: clients decide from
// the echo what they have to do themselves.
func (s *Session) append(b []byte) []byte {
	if s.Type == TranscriptionSession {
		return s.appendTranscription(b)
	}
	b = append(b, '{')
	b = fieldString(b, "type", "realtime")
	b = fieldString(b, "object", "realtime.session")
	b = fieldString(b, "id", s.ID)
	b = fieldString(b, "model", s.Model)
	b = fieldModality(b, s.Output)
	b = fieldString(b, "instructions", s.Instructions)
	b = s.appendTools(b)
	if s.ParallelTools != nil {
		b = fieldBool(b, "parallel_tool_calls", *s.ParallelTools)
	}
	b = fieldLimit(b, "max_output_tokens", s.MaxOutputTokens)
	if s.Reasoning != nil {
		b = append(key(b, "reasoning"), '{')
		b = fieldNullable(b, "effort", s.Reasoning.Effort)
		b = append(b, '}')
	}
	b = fieldRaw(b, "tracing", s.Tracing)
	b = fieldRaw(b, "truncation", s.Truncation)
	b = fieldRaw(b, "prompt", s.Prompt)
	b = fieldRaw(b, "include", s.Include)
	b = append(key(b, "audio"), '{')
	b = s.appendInput(b)
	b = append(key(b, "output"), '{')
	b = s.OutputFormat.append(key(b, "format"))
	b = fieldString(b, "voice", s.Voice)
	b = fieldNumber(b, "speed", s.Speed)
	return append(b, "}}}"...)
}

func (s *Session) appendTools(b []byte) []byte {
	b = append(key(b, "tools"), '[')
	for i := range s.Tools {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.Tools[i].append(b)
	}
	b = append(b, ']')
	return fieldString(b, "tool_choice", s.ToolChoice.Mode)
}

func (s *Session) appendInput(b []byte) []byte {
	b = append(key(b, "input"), '{')
	b = s.InputFormat.append(key(b, "format"))
	b = s.appendListening(b, "")
	return append(b, '}')
}

// appendListening writes what is done with sound that comes in. prefix stands
// before two of the names.
func (s *Session) appendListening(b []byte, prefix string) []byte {
	b = key(b, prefix+"noise_reduction")
	if n := s.NoiseReduction; n != nil {
		b = append(fieldString(append(b, '{'), "type", n.Type), '}')
	} else {
		b = append(b, "null"...)
	}
	b = key(b, prefix+"transcription")
	if t := s.Transcription; t != nil {
		b = t.append(b)
	} else {
		b = append(b, "null"...)
	}
	b = key(b, "turn_detection")
	if t := s.TurnDetection; t != nil {
		return t.append(b)
	}
	return append(b, "null"...)
}

// append writes the three keys that every client accepts, and no other: more
// would end one of them.
func (t *Transcription) append(b []byte) []byte {
	b = append(b, '{')
	for _, f := range [...][2]string{{"model", t.Model}, {"language", t.Language}, {"prompt", t.Prompt}} {
		if f[1] != "" {
			b = fieldString(b, f[0], f[1])
		}
	}
	return append(b, '}')
}

func (t *TurnDetection) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "type", t.Type)
	if t.Type == SemanticVAD {
		b = fieldString(b, "eagerness", t.Eagerness)
	} else {
		b = fieldNumber(b, "threshold", t.Threshold)
		b = fieldMS(b, "prefix_padding_ms", t.PrefixPadding)
		b = fieldMS(b, "silence_duration_ms", t.SilenceDuration)
		if t.IdleTimeout > 0 {
			b = fieldMS(b, "idle_timeout_ms", t.IdleTimeout)
		} else {
			b = fieldNull(b, "idle_timeout_ms")
		}
	}
	b = fieldBool(b, "create_response", t.CreateResponse)
	b = fieldBool(b, "interrupt_response", t.InterruptResponse)
	return append(b, '}')
}

func fieldMS(b []byte, name string, d time.Duration) []byte {
	return fieldInt(b, name, d.Milliseconds())
}

func (f Format) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "type", string(f.Codec))
	if f.Codec == CodecPCM {
		b = fieldInt(b, "rate", int64(f.Rate))
	}
	return append(b, '}')
}

func (t *Tool) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "type", "function")
	b = fieldString(b, "name", t.Name)
	b = fieldString(b, "description", t.Description)
	if t.Parameters != nil {
		b = fieldRaw(b, "parameters", t.Parameters)
	} else {
		b = append(key(b, "parameters"), `{"type":"object","properties":{}}`...)
	}
	return append(b, '}')
}

func fieldModality(b []byte, m Modality) []byte {
	b = append(key(b, "output_modalities"), '[')
	return append(appendString(b, string(m)), ']')
}

// fieldLimit writes a number of tokens, 0 as "inf".
func fieldLimit(b []byte, name string, n int) []byte {
	if n == 0 {
		return fieldString(b, name, "inf")
	}
	return fieldInt(b, name, int64(n))
}
