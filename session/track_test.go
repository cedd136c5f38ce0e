package session

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"hark/media"
	"hark/media/mediatest"
)

// tracks is a connection that carries sound and pictures outside the events.
type tracks struct {
	media.Conn
	packets chan media.Packet
}

func (c *tracks) Recv(ctx context.Context) (media.Packet, error) {
	if p, ok := <-c.packets; ok {
		return p, nil
	}
	return c.Conn.Recv(ctx)
}

func TestTracksAreHeardAndSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake()
		pipe, client := mediatest.Pipe()
		conn := &tracks{Conn: pipe, packets: make(chan media.Packet, 1000)}
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
			t.Fatal(err)
		}
		conn.packets <- media.Picture(b.Bytes())
		for i := range 100 { // of 20 ms at 48 kHz
			samples := make([]float32, 960)
			for j := range samples {
				if i >= 10 && i < 60 {
					samples[j] = float32(0.5 * math.Sin(float64(i*960+j)/20))
				}
			}
			conn.packets <- media.Audio{Rate: 48000, Samples: samples}
		}
		close(conn.packets)
		done := make(chan error)
		go func() {
			done <- Run(t.Context(), conn, Options{Engine: fake, NewDetector: func() Detector { return &loudness{} }})
		}()
		var events []string
		for !slices.Contains(kinds(events), "response.done") {
			ev, err := client.Recv()
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, string(ev))
		}
		client.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if p := fake.asked()[len(fake.asked())-1]; !strings.HasPrefix(p, "<user [picture 280] [sound 3") {
			t.Errorf("prompt %q", p)
		}
		if fake.left() != 0 {
			t.Errorf("%d are left", fake.left())
		}
	})
}
