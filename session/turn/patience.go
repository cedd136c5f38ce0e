package turn

import (
	"math"
	"time"
)

// Patience makes the silence that ends a turn depend on Frame.Finished: Least
// from Sure on, Most at 0, and in between as many times longer for each step
// down. Likely is then at half that silence, but not before Options.Likely.
type Patience struct {
	Least, Most time.Duration
	Sure        float64 // above 0, up to 1
}

// Eager returns the patience of semantic_vad for an eagerness: "low",
// "medium", "high"; anything else, "auto" too, is medium.
//
// Source: realtime.md 8.1 for Most; docs/turn-taking.md for the others.
func Eager(eagerness string) Patience {
	switch eagerness {
	case "low":
		return Patience{Least: 500 * time.Millisecond, Most: 8 * time.Second, Sure: 0.7}
	case "high":
		return Patience{Least: 200 * time.Millisecond, Most: 2 * time.Second, Sure: 0.6}
	}
	return Patience{Least: 400 * time.Millisecond, Most: 4 * time.Second, Sure: 0.8}
}

// Silence returns how long nobody may have spoken before the turn is over.
func (p Patience) Silence(finished float64) time.Duration {
	doubt := min(max(1-finished/p.Sure, 0), 1)
	return time.Duration(float64(p.Least) * math.Pow(float64(p.Most)/float64(p.Least), doubt))
}
