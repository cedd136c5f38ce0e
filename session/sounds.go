package session

import (
	"fmt"
	"slices"
	"time"

	"hark/audio"
	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/session/conversation"
	"hark/session/realtime"
)

// sounds are what was said in the items of a conversation, for clients that
// retrieve them. The newest are kept, up to maxSounds bytes; the sound of one
// item that would not fit an event is not kept at all.
type sounds struct {
	kept  []*keptSound // oldest first
	bytes int
}

// keptSound is what was said in a part of an item.
type keptSound struct {
	item   string
	part   int
	format realtime.Format
	data   []byte
	long   bool // too long to be kept
}

// The bounds of sounds.
const (
	maxSounds = 8 << 20 // bytes in a session, four minutes of 16 kHz
	// maxSound is the most that goes into an event in base64, with room for
	// the rest of the item.
	maxSound = (MaxEventBytes - 16<<10) / 4 * 3
)

// add adds to what was said in a part of an item.
func (s *sounds) add(item string, part int, format realtime.Format, data []byte) {
	k := s.get(item, part)
	if k == nil {
		k = &keptSound{item: item, part: part, format: format}
		s.kept = append(s.kept, k)
	}
	if k.long {
		return
	}
	k.data = append(k.data, data...)
	s.bytes += len(data)
	if len(k.data) > maxSounds/2 {
		k.long = true
		s.cut(k, 0)
	}
	for len(s.kept) > 1 && (s.bytes > maxSounds || len(s.kept) > MaxItems) {
		s.bytes -= len(s.kept[0].data)
		s.kept = slices.Delete(s.kept, 0, 1)
	}
}

// get returns what was said in a part of an item, nil if it is not kept.
func (s *sounds) get(item string, part int) *keptSound {
	for _, k := range slices.Backward(s.kept) {
		if k.item == item && k.part == part {
			return k
		}
	}
	return nil
}

// truncate keeps the beginning of what was said in an item.
func (s *sounds) truncate(item string, d time.Duration) {
	for _, k := range s.kept {
		if k.item == item {
			perSample := encoding(k.format).Bytes()
			n := int(d.Seconds()*float64(k.format.Rate)) * perSample
			s.cut(k, min(n, len(k.data)))
		}
	}
}

// cut keeps the first n bytes of a sound.
func (s *sounds) cut(k *keptSound, n int) {
	s.bytes -= len(k.data) - n
	k.data = slices.Clone(k.data[:n])
}

// forget drops what was said in an item.
func (s *sounds) forget(item string) {
	s.kept = slices.DeleteFunc(s.kept, func(k *keptSound) bool {
		if k.item == item {
			s.bytes -= len(k.data)
		}
		return k.item == item
	})
}

// encoding returns how samples of a format are written.
func encoding(f realtime.Format) pcm.Format {
	switch f.Codec {
	case realtime.CodecULaw:
		return pcm.MuLaw
	case realtime.CodecALaw:
		return pcm.ALaw
	case realtime.CodecPCM:
	}
	return pcm.PCM16
}

// in returns the sound in another format.
func (k *keptSound) in(f realtime.Format) ([]byte, error) {
	if k.format == f {
		return k.data, nil
	}
	decoder, err := pcm.NewDecoder(encoding(k.format))
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	samples := decoder.Push(k.data)
	if k.format.Rate != f.Rate {
		r, err := resample.New(audio.Rate(k.format.Rate), audio.Rate(f.Rate))
		if err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
		samples = append(slices.Clone(r.Push(samples)), r.Flush()...)
	}
	return pcm.Append(nil, encoding(f), samples), nil
}

// heardFormat is how the sound of users is kept: as the model heard it.
var heardFormat = realtime.Format{Codec: realtime.CodecPCM, Rate: int(modelRate)}

// keep keeps samples that the user said.
func (s *session) keep(it *conversation.Item, part int, samples []float32) {
	s.sounds.add(it.ID, part, heardFormat, pcm.Append(nil, pcm.PCM16, samples))
}

// retrieveItem shows an item, with its sound if that is kept and fits an
// event. Pictures are not kept in a form that could be sent.
func (s *session) retrieveItem(ev realtime.ItemRetrieve) {
	it := s.items.Get(ev.ItemID)
	if it == nil {
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeRetrieveUnknown, "item_id", "there is no item %.64q", ev.ItemID))
		return
	}
	out := it.Item
	out.Content = slices.Clone(it.Content)
	room := maxSound
	for i := range out.Content {
		format := s.config.InputFormat
		if out.Role == realtime.RoleAssistant {
			format = s.config.OutputFormat
		}
		k := s.sounds.get(it.ID, i)
		if k == nil {
			continue
		}
		data, err := k.in(format)
		if err != nil {
			s.log.Error("sound of an item", "err", err)
		}
		if err == nil && len(data) <= room {
			out.Content[i].Sound = data
			room -= len(data)
		}
	}
	retrieved := realtime.ItemRetrieved{Item: &out}
	if size(retrieved) > MaxEventBytes {
		retrieved.Item = &it.Item
	}
	s.send(retrieved)
}
