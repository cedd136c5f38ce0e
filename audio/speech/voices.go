package speech

import (
	"maps"
	"slices"
	"strings"
)

// voice is a variant of espeak-ng, which changes the timbre of any language,
// and a pitch from 0 to 99.
type voice struct {
	variant string
	pitch   int
}

// voices are those that clients of the protocol ask for by name. No two sound
// alike: they differ in pitch by 6 in 100 or in timbre by 8 in 100.
var voices = map[string]voice{
	"alloy":   {"+m2", 75},
	"ash":     {"+m3", 35},
	"ballad":  {"+m4", 60},
	"cedar":   {"+m7", 30},
	"coral":   {"+f2", 60},
	"echo":    {"+m1", 50},
	"fable":   {"+m6", 65},
	"marin":   {"+f3", 45},
	"nova":    {"+f5", 70},
	"onyx":    {"+m8", 40},
	"sage":    {"+f1", 40},
	"shimmer": {"+f4", 85},
	"verse":   {"+m5", 15},
}

func protocolVoices() []string { return slices.Sorted(maps.Keys(voices)) }

// voiceOf returns the voice of a name, the language's own for one that is not
// known.
func voiceOf(name string) voice {
	if v, ok := voices[strings.ToLower(name)]; ok {
		return v
	}
	return voice{"", 50}
}
