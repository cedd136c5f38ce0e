package server

import (
	"encoding/json"
	"slices"
	"sync"
)

// maxStored bounds the responses that are remembered, whatever their size.
const maxStored = 1000

// stored is a response as it is remembered, in memory only.
type stored struct {
	id, owner string            // owner is the caller's id
	body      json.RawMessage   // the response
	items     []json.RawMessage // the whole conversation up to and with its output
	input     [2]int            // which of them this request brought
	size      int               // bytes of all that; what earlier responses share counts again
}

// store remembers responses. The one that was not asked for the longest goes
// first. It is safe for concurrent use.
type store struct {
	limit int // bytes

	mu    sync.Mutex
	list  []*stored // the last used one at the end
	bytes int
}

// add remembers a response. One that is larger than all the room is not.
func (s *store) add(r *stored) {
	r.size = len(r.body)
	for _, it := range r.items {
		r.size += len(it)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.size > s.limit {
		return
	}
	s.list = append(s.list, r)
	s.bytes += r.size
	for s.bytes > s.limit || len(s.list) > maxStored {
		s.bytes -= s.list[0].size
		s.list = slices.Delete(s.list, 0, 1)
	}
}

// get returns a response of an owner, nil if there is none.
func (s *store) get(id, owner string) *stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id, owner)
	if i < 0 {
		return nil
	}
	r := s.list[i]
	s.list = append(slices.Delete(s.list, i, i+1), r)
	return r
}

// remove forgets a response of an owner. It reports whether there was one.
func (s *store) remove(id, owner string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id, owner)
	if i < 0 {
		return false
	}
	s.bytes -= s.list[i].size
	s.list = slices.Delete(s.list, i, i+1)
	return true
}

func (s *store) find(id, owner string) int {
	return slices.IndexFunc(s.list, func(r *stored) bool { return r.id == id && r.owner == owner })
}
