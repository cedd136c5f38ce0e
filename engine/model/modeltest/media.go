package modeltest

import (
	"fmt"
	"slices"

	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/vision"
)

// picture encodes img with as many soft tokens as the golden has.
func (f *fixture) picture(img *vision.Image) tensor.Tensor {
	f.t.Helper()
	p, err := f.m.Cut(img, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	x := f.m.EncodePicture(p)
	if got := x.Shape()[0]; got != f.m.PictureTokens(p) {
		f.t.Fatalf("picture of %d soft tokens, PictureTokens says %d", got, f.m.PictureTokens(p))
	}
	return x
}

func (f *fixture) vision() {
	f.picture(f.Picture)
	f.b.EndStep()
	if want := f.Golden.Floats(f.Prefix + "vision.patch0"); want != nil {
		p, err := f.m.Cut(f.Picture, 0)
		if err != nil {
			f.t.Fatal(err)
		}
		if !within(f.t, "vision.patch0", p.Data[:len(want)], want, boundTower) {
			return
		}
	}
	if f.activations("vision", "vision", boundTower) &&
		f.activation("vision.tower", "vision.tower", boundTower) {
		f.activation("vision.soft", "vision.embeds", boundTower)
	}
}

// clip encodes samples in one piece.
func (f *fixture) clip(samples []float32) tensor.Tensor {
	front, enc := f.m.NewFrontEnd(), f.m.NewAudio()
	defer enc.Close()
	rows := front.Push(samples)
	rows.Data = slices.Clone(rows.Data)
	return enc.Flush(join(rows, front.Flush()))
}

func join(a, b audio.Features) audio.Features {
	if a.Rows() == 0 {
		return b
	}
	a.Data = append(a.Data, b.Data...)
	return a
}

func (f *fixture) audio() {
	samples := f.Samples
	if want := f.Golden.Floats(f.Prefix + "audio.features"); want != nil {
		front := f.m.NewFrontEnd()
		rows := front.Push(samples)
		rows.Data = slices.Clone(rows.Data)
		got := join(rows, front.Flush()).Data
		if len(want) > len(got) { // the reference pads and masks
			want = want[:len(got)]
		}
		if !within(f.t, "audio.features", got, want, boundMel) {
			return
		}
	}
	x := f.clip(samples)
	if got := x.Shape()[0]; got != f.m.ClipTokens(int64(len(samples))) {
		f.t.Errorf("clip of %d soft tokens, ClipTokens says %d", got, f.m.ClipTokens(int64(len(samples))))
	}
	f.b.EndStep()
	if f.activation("audio.subsampled", "audio.subsampled", boundTower) &&
		f.activations("audio", "audio", boundTower) &&
		f.activation("audio.tower", "audio.tower", boundTower) {
		f.activation("audio.soft", "audio.embeds", boundTower)
	}
}

// merged checks a prompt with media: the soft tokens lie over their
// placeholders and the logits agree.
func (f *fixture) merged(kind string) {
	r := f.prompt(kind)
	r.Logits = len(r.IDs)
	got := f.forward(r)
	golden := f.Prefix + "mm." + kind + ".logits"
	reference := f.Golden.Floats(golden)
	got = f.Golden.Part(golden, got)
	if f.Logits != "text.logits" {
		// There is no golden with the rounded scale.
		if d := Compare(got, reference); d.Mean > boundMean {
			f.t.Errorf("logits: mean %.3g, bound %g: %v", d.Mean, boundMean, d)
		}
		return
	}
	if !within(f.t, "logits", got, reference, boundLogits) {
		return
	}
	if want := f.Golden.IDs(f.Prefix + "mm." + kind + ".greedy_ids"); want != nil {
		r = f.prompt(kind)
		r.Logits = 1
		f.decode(r, want, nil)
	}
}

// prompt makes the row of a prompt with media.
func (f *fixture) prompt(kind string) model.Row {
	f.t.Helper()
	r := model.Row{IDs: f.ids("mm." + kind + ".input_ids")}
	sight, film, sound := f.m.Placeholder(model.Sight), f.m.Placeholder(model.Film), f.m.Placeholder(model.Sound)
	var soft []tensor.Tensor
	var ahead [][2]int         // pictures that look ahead
	block := func(i int) int { // one past the last of the run of soft tokens at i
		for i < len(r.IDs) && r.IDs[i] == r.IDs[i-1] {
			i++
		}
		return i
	}
	for i := 0; i < len(r.IDs); i++ {
		id := r.IDs[i]
		if id != sight && id != film && id != sound {
			continue
		}
		end := block(i + 1)
		soft = append(soft, f.medium(id, len(soft)))
		for at := i; at < end; at++ {
			r.SoftAt = append(r.SoftAt, at)
		}
		if f.m.Info().Whole && id != sound {
			ahead = append(ahead, [2]int{i, end})
		}
		i = end - 1
	}
	r.Until = model.Until(r.Pos, len(r.IDs), ahead)
	r.Soft = f.b.Concat(soft...)
	if r.Soft.Shape()[0] != len(r.SoftAt) {
		f.t.Fatalf("%s: %d soft tokens for %d placeholders", kind, r.Soft.Shape()[0], len(r.SoftAt))
	}
	return r
}

// medium encodes the n-th medium of a prompt: the second frame of the film is
// the first one's mirror image.
func (f *fixture) medium(id token.ID, n int) tensor.Tensor {
	switch {
	case id == f.m.Placeholder(model.Sound):
		return f.clip(f.Samples)
	case f.Picture == nil:
		panic(fmt.Sprintf("modeltest: %s: the case has no picture", f.Golden.path))
	case id == f.m.Placeholder(model.Film) && n%2 == 1:
		return f.picture(mirror(f.Picture))
	}
	return f.picture(f.Picture)
}

func mirror(img *vision.Image) *vision.Image {
	out := &vision.Image{Width: img.Width, Height: img.Height, Pix: make([]byte, len(img.Pix))}
	for y := range img.Height {
		for x := range img.Width {
			copy(out.Pix[(y*img.Width+img.Width-1-x)*3:][:3], img.Pix[(y*img.Width+x)*3:])
		}
	}
	return out
}
