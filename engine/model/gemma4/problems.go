package gemma4

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The largest sizes that are believed: far above every published model, and
// low enough that a broken file cannot ask for memory it does not fill.
const (
	maxLayers  = 1024
	maxHeads   = 1 << 12
	maxDim     = 1 << 13 // of a head
	maxWidth   = 1 << 20 // of a layer, and rows of small tables
	maxTower   = 1 << 15 // width of a tower
	maxVocab   = 1 << 24
	maxContext = 1 << 30
	maxSpan    = 1 << 8 // rows that a row of the audio tower sees
)

// maxProblems is the most problems that are told of one configuration.
const maxProblems = 100

// problems collects what is wrong with a configuration, each thing once.
type problems []error

func (p *problems) add(format string, args ...any) {
	if len(*p) == maxProblems {
		return
	}
	err := fmt.Errorf("gemma4: config.json: "+format, args...)
	if !slices.ContainsFunc(*p, func(e error) bool { return e.Error() == err.Error() }) {
		*p = append(*p, err)
	}
}

// decode reads an object. A value of the wrong type is noted and the others
// are read; false says that nothing could be.
func (p *problems) decode(where string, data []byte, into any) bool {
	err := json.Unmarshal(data, into)
	if err == nil {
		return true
	}
	if where != "" {
		where += ": "
	}
	p.add("%s%w", where, err)
	var wrong *json.UnmarshalTypeError
	return errors.As(err, &wrong) && wrong.Field != ""
}

// size is one number of the configuration.
type size struct {
	key         string
	value, most int
}

// sizes notes every number that is not from 1 to its most.
func (p *problems) sizes(where string, list ...size) {
	for _, s := range list {
		switch {
		case s.value <= 0:
			p.add("%s%s is %d, want a positive number", where, s.key, s.value)
		case s.value > s.most:
			p.add("%s%s is %d, at most %d are supported", where, s.key, s.value, s.most)
		}
	}
}

// positive returns a number that must be above 0.
func (p *problems) positive(key string, value *float64, otherwise float64) float64 {
	v := or(value, otherwise)
	if v <= 0 || v > 1e30 {
		p.add("%s is %v, want a positive number", key, v)
		return otherwise
	}
	return v
}

// eps returns the epsilon of norms.
func (p *problems) eps(key string, value *float64) float32 {
	v := or(value, 1e-6)
	if v < 1e-30 || v >= 1 {
		p.add("%s is %v, want a small positive number", key, v)
	}
	return float32(v)
}

// activation notes functions other than the one that is supported.
func (p *problems) activation(key string, name *string, want string) {
	if a := or(name, want); a != want {
		p.add("%s is %q, want %s", key, a, want)
	}
}

// err returns all problems as one error, nil if there is none.
func (p problems) err() error { return errors.Join(p...) }
