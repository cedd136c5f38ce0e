package realtime

// RateLimit is what is left of a limit.
type RateLimit struct {
	Name         string  // "requests" or "tokens"
	Limit        int     // in all
	Remaining    int     // of it
	ResetSeconds float64 // until all of it is there again
}

// RateLimitsUpdated tells the client of its limits.
type RateLimitsUpdated struct{ Limits []RateLimit }

// Type returns "rate_limits.updated".
func (RateLimitsUpdated) Type() string { return "rate_limits.updated" }

func (e RateLimitsUpdated) appendFields(b []byte) []byte {
	b = append(key(b, "rate_limits"), '[')
	for i, l := range e.Limits {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = fieldString(b, "name", l.Name)
		b = fieldInt(b, "limit", int64(l.Limit))
		b = fieldInt(b, "remaining", int64(l.Remaining))
		b = fieldNumber(b, "reset_seconds", l.ResetSeconds)
		b = append(b, '}')
	}
	return append(b, ']')
}
