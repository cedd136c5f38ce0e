package convert

import (
	"fmt"
	"strconv"
	"strings"

	"hark/engine/tensor"
	"hark/engine/weights"
)

// plainParts are the words in module paths that MLX's converter never
// quantizes: what sees, and the tower that hears.
//
// Source: gemma4.md 4.1.
var plainParts = []string{
	"vision", "aligner", "vl_connector", "sam_model", "audio_model", "audio_tower",
	"code_predictor", "img_projector", "multi_modal_projector", "patch_merge_mlp",
}

// router is how the matrix that picks experts is quantized, whatever the rest.
//
// Source: gemma4.md 4.1.
var router = weights.Scheme{Format: tensor.Affine, Bits: 8, Group: 64}

// Override is an exception for some matrices.
type Override struct {
	// Pattern is looked for anywhere in the path of a module, in MLX's
	// spelling; a star stands for any characters. Modules that are kept plain
	// otherwise, the towers, are meant only if the pattern says their word:
	// "vision" or "audio_tower".
	Pattern string
	// Scheme is how they are quantized.
	Scheme weights.Scheme
	// Plain says that they are not quantized.
	Plain bool
}

// ParseOverride reads PATTERN=BITS, as in "mlp.down_proj=8". BITS may be
// followed by a group, "8g32"; without it that of base holds, or 64 where base
// is not affine. "none" in its place leaves the matrices as they are.
func ParseOverride(text string, base weights.Scheme) (Override, error) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 || strings.Trim(text[:at], "* ") == "" {
		return Override{}, fmt.Errorf("convert: override %q, want PATTERN=BITS", text)
	}
	o := Override{Pattern: text[:at]}
	value := text[at+1:]
	if value == "none" {
		o.Plain = true
		return o, nil
	}
	bitsText, groupText, hasGroup := strings.Cut(value, "g")
	bits, err := strconv.Atoi(bitsText)
	group := 64
	if base.Format == tensor.Affine {
		group = base.Group
	}
	if hasGroup && err == nil {
		group, err = strconv.Atoi(groupText)
	}
	if err != nil || bits < 1 || group < 1 {
		return Override{}, fmt.Errorf("convert: override %q, want a number of bits, as in 8 or 8g32, or none", text)
	}
	if o.Scheme, err = weights.NewScheme("affine", bits, group); err != nil {
		return Override{}, fmt.Errorf("convert: override %q: %w", text, err)
	}
	return o, nil
}

// applies reports whether o is about a module.
func (o *Override) applies(path string) bool {
	word := plainPart(path)
	return matches(o.Pattern, path) && (word == "" || strings.Contains(o.Pattern, word))
}

// matches reports whether pattern is found in path.
func matches(pattern, path string) bool {
	for _, piece := range strings.Split(pattern, "*") {
		_, rest, ok := strings.Cut(path, piece)
		if !ok {
			return false
		}
		path = rest
	}
	return true
}

// plainPart returns the word for which a module is not quantized, or "".
func plainPart(path string) string {
	for _, word := range plainParts {
		if strings.Contains(path, word) {
			return word
		}
	}
	return ""
}

// moduleOf returns the path of a tensor that can be quantized, if it can: a
// matrix or a stack of matrices called ".weight". Convolutions are not.
func moduleOf(p part) (path string, ok bool) {
	path, ok = strings.CutSuffix(p.name, ".weight")
	return path, ok && (len(p.shape) == 2 || len(p.shape) == 3) && !isConvolution(p.name)
}

// decide says how a module with rows of in values is quantized, whether the
// configuration must name it, and whether it is quantized at all. Rows that do
// not divide into groups are not, whatever was asked for.
//
// Source: gemma4.md 4.1; mlx-vlm, quantize_model.
func (o *Options) decide(path string, in int) (s weights.Scheme, own, ok bool) {
	for i := range o.Overrides {
		override := &o.Overrides[len(o.Overrides)-1-i]
		if !override.applies(path) {
			continue
		}
		if override.Plain {
			return s, plainPart(path) == "", false
		}
		ok := divides(in, override.Scheme.Group)
		return override.Scheme, ok, ok
	}
	switch {
	case plainPart(path) != "" || !divides(in, o.Scheme.Group):
		return s, false, false
	case strings.Contains(path, "router"):
		ok := divides(in, router.Group)
		return router, ok, ok
	}
	return o.Scheme, false, true
}

func divides(in, group int) bool { return in > 0 && in%group == 0 }
