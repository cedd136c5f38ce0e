package realtime

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ErrRemote is what DecodeDataURI says to an address on the network.
var ErrRemote = errors.New("realtime: addresses are not fetched, send the data as a data: URI")

// DecodeDataURI returns the bytes of a data URI (RFC 2397). The media type is
// not looked at: what the bytes are is decided by reading them.
func DecodeDataURI(uri string) ([]byte, error) {
	if len(uri) < 5 || !strings.EqualFold(uri[:5], "data:") {
		return nil, ErrRemote
	}
	head, body, found := strings.Cut(uri[5:], ",")
	if !found {
		return nil, errors.New("realtime: data URI without a comma")
	}
	if strings.HasSuffix(strings.ToLower(head), ";base64") {
		data, err := decodeBase64(body)
		if err != nil {
			return nil, fmt.Errorf("realtime: data URI: %w", err)
		}
		return data, nil
	}
	s, err := url.PathUnescape(body)
	if err != nil {
		return nil, fmt.Errorf("realtime: data URI: %w", err)
	}
	return []byte(s), nil
}
