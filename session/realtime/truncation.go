package realtime

import "encoding/json"

// Truncation says what happens when a conversation outgrows the context.
type Truncation struct {
	// Disabled: the next response fails.
	Disabled bool
	// Retention is the part of the tokens behind the instructions that stays
	// when the oldest turns go, 0 to 1; less than 0 leaves it to the server.
	Retention float64
	// PostInstructions is the number of tokens behind the instructions from
	// which on turns go; 0 is as many as the context holds.
	PostInstructions int
}

// autoRetention leaves the part that stays to the server.
const autoRetention = -1

// Truncates returns what the session's truncation says.
func (s *Session) Truncates() Truncation {
	t := Truncation{Retention: autoRetention}
	if string(s.Truncation) == `"disabled"` {
		t.Disabled = true
		return t
	}
	var sent struct {
		Ratio  *float64 `json:"retention_ratio"`
		Limits struct {
			PostInstructions float64 `json:"post_instructions"`
		} `json:"token_limits"`
	}
	// Decoding has checked it; "auto" leaves everything as it is.
	if json.Unmarshal(s.Truncation, &sent) == nil {
		if sent.Ratio != nil {
			t.Retention = *sent.Ratio
		}
		t.PostInstructions = int(sent.Limits.PostInstructions)
	}
	return t
}

// maxPostInstructions bounds a number that is compared with the context.
const maxPostInstructions = 1 << 30

func decodeTruncation(o object) Opt[json.RawMessage] {
	raw := o.raw("truncation")
	if raw == nil {
		return Opt[json.RawMessage]{}
	}
	if raw[0] != '{' {
		name, _ := o.text("truncation")
		o.oneOf("truncation", name, "auto", "disabled")
		return some(raw)
	}
	if sub, ok := o.object("truncation"); ok {
		sub.need("type")
		name, _ := sub.text("type")
		sub.oneOf("type", name, "retention_ratio")
		sub.need("retention_ratio")
		sub.within("retention_ratio", 0, 1)
		if limits, ok := sub.object("token_limits"); ok {
			limits.between("post_instructions", 1, maxPostInstructions)
		}
	}
	return some(raw)
}
