package rtc

import (
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"
)

// maxSections is how many tracks and channels an offer may have.
const maxSections = 16

// maxCandidates is how many addresses an offer may name. The server knocks at
// each of them, so an offer must not make it search a network. A browser has
// some for each of its machine's interfaces.
const maxCandidates = 64

// checkOffer refuses what is no offer before anything is made for it.
func checkOffer(offer string) error {
	if len(offer) > MaxOffer {
		return fmt.Errorf("%w: it has %d bytes, at most %d are possible", ErrOffer, len(offer), MaxOffer)
	}
	d := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	parsed, err := d.Unmarshal()
	if err != nil {
		return fmt.Errorf("%w: it is not SDP: %.200v", ErrOffer, err)
	}
	if n := len(parsed.MediaDescriptions); n == 0 || n > maxSections {
		return fmt.Errorf("%w: it has %d media sections, want 1 to %d", ErrOffer, n, maxSections)
	}
	if n := strings.Count(offer, "a=candidate:"); n > maxCandidates {
		return fmt.Errorf("%w: it has %d candidates, at most %d are possible", ErrOffer, n, maxCandidates)
	}
	if !strings.Contains(offer, "a=fingerprint:") || !strings.Contains(offer, "a=ice-ufrag:") {
		return fmt.Errorf("%w: it has no fingerprint or no ICE credentials", ErrOffer)
	}
	return nil
}
