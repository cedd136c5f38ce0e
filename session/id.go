package session

import (
	"crypto/rand"
	"strconv"
)

// idSource makes ids that are unique in a session, and with overwhelming
// probability beyond it: item_4F6Q2…12.
type idSource struct {
	stem string
	n    int
}

// newIDs returns a source with a stem of its own. Ids stay below the 32
// characters of the protocol.
func newIDs() idSource {
	return idSource{stem: rand.Text()[:12]}
}

// next returns a new id of a kind: sess, item, resp, call or event.
func (s *idSource) next(kind string) string {
	s.n++
	return kind + "_" + s.stem + strconv.Itoa(s.n)
}
