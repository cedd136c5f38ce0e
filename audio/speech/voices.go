package speech

import (
	"maps"
	"slices"
	"strings"
)

// variants are the voices that clients of the protocol ask for by name, as
// espeak-ng's variants of the language's voice.
var variants = map[string]string{
	"alloy":   "+Andy",
	"ash":     "+m3",
	"ballad":  "+m2",
	"cedar":   "+m7",
	"coral":   "+f2",
	"echo":    "+m1",
	"fable":   "+Michael",
	"marin":   "+f3",
	"nova":    "+f4",
	"onyx":    "+m6",
	"sage":    "+f1",
	"shimmer": "+f5",
	"verse":   "+m4",
}

func protocolVoices() []string { return slices.Sorted(maps.Keys(variants)) }

// variant returns the suffix of a voice's name, "" for one that is not known.
func variant(voice string) string { return variants[strings.ToLower(voice)] }
