package weights

import (
	"slices"

	"hark/engine/tensor"
)

// quantized puts together the matrix base from its codes, scales and biases.
func (l *Loader) quantized(base, full string, codes Entry, shape []int) tensor.Stored {
	scales, _ := l.entry(base + ".scales")
	biases, hasBiases := l.entry(base + ".biases")
	l.used[base+".scales"], l.used[base+".biases"] = true, true
	shapes, known := implied(codes, scales, hasBiases, shape)
	scheme, said := l.scheme(base, full, codes, shapes, known)
	if !said {
		return tensor.Stored{}
	}
	if codes.DType != "U32" {
		l.other("%s: %s: dtype %s beside scales, want U32", codes.File, full, codes.DType)
		return tensor.Stored{}
	}
	if !l.scaleType(base, scales, scheme, hasBiases) {
		return tensor.Stored{}
	}
	if known && shapes != scheme {
		l.other("%s: %s: config says %v; %v codes and %v scales of a matrix %v say %v",
			codes.File, full, scheme, codes.Shape, scales.Shape, shape, shapes)
		return tensor.Stored{}
	}
	in := shape[len(shape)-1]
	words, groups := slices.Clone(shape), slices.Clone(shape)
	words[len(words)-1], groups[len(groups)-1] = in*scheme.Bits/32, in/scheme.Group
	fits := true
	check := func(name string, e Entry, want []int) {
		if !slices.Equal(e.Shape, want) {
			l.misshapen(name, e, want)
			fits = false
		}
	}
	check(full, codes, words)
	check(base+".scales", scales, groups)
	out := tensor.Stored{
		Name: full, Shape: slices.Clone(shape), Format: scheme.Format, Group: scheme.Group,
		Data: l.bytes(codes), Scales: l.bytes(scales),
	}
	if scheme.Format == tensor.Affine {
		check(base+".biases", biases, groups)
		if biases.DType != scales.DType {
			l.other("%s: %s.biases: dtype %s, scales are %s", biases.File, base, biases.DType, scales.DType)
			fits = false
		}
		out.Bits, out.Biases = scheme.Bits, l.bytes(biases)
		out.Scale, _ = floatFormat(scales.DType)
	}
	if in%scheme.Group != 0 || in*scheme.Bits%32 != 0 {
		l.other("%s: %s: rows of %d values do not divide into groups of %d", codes.File, full, in, scheme.Group)
		fits = false
	}
	if !fits {
		return tensor.Stored{}
	}
	more := Listed{Format: scheme.Format, Bits: scheme.Bits, Group: scheme.Group, Bytes: scales.Bytes()}
	if hasBiases {
		more.Bytes += biases.Bytes()
	}
	l.list(full, codes, out.Shape, more)
	return out
}

// scheme decides how a matrix with scales is quantized: as the configuration
// says of it, of all, or else as its shapes imply.
func (l *Loader) scheme(base, full string, codes Entry, shapes Scheme, known bool) (Scheme, bool) {
	if o, ok := l.q.module(base, l.own(full)); ok {
		if !o.quantized {
			l.other("%s: %s: has scales, config says it is not quantized", codes.File, full)
		}
		return o.scheme, o.quantized
	}
	if s, ok := l.q.Base(); ok {
		return s, true
	}
	if !known {
		l.other("%s: %s: has scales, config says nothing and its shapes %v are of no known mode",
			codes.File, full, codes.Shape)
	}
	return shapes, known
}

// implied derives the scheme from shapes and types, for a matrix of a known
// logical shape. It reports false if they are those of no mode.
//
// Source: gemma4.md 4.2, the sanity check.
func implied(codes, scales Entry, hasBiases bool, shape []int) (Scheme, bool) {
	if len(codes.Shape) != len(shape) || len(scales.Shape) != len(shape) {
		return Scheme{}, false
	}
	last := len(shape) - 1
	in, words, groups := shape[last], codes.Shape[last], scales.Shape[last]
	if groups == 0 || in%groups != 0 || words*32%in != 0 {
		return Scheme{}, false
	}
	s := Scheme{tensor.Affine, words * 32 / in, in / groups}
	if _, ok := floatFormat(scales.DType); ok && hasBiases {
		return s, slices.Contains(affineBits, s.Bits) && slices.Contains(affineGroups, s.Group)
	}
	if scales.DType != "U8" || hasBiases {
		return Scheme{}, false
	}
	for _, m := range modes {
		if m.Format != tensor.Affine && m.Bits == s.Bits && m.Group == s.Group {
			return m, true
		}
	}
	return Scheme{}, false
}

// scaleType checks the types that go with a mode: floats and biases for
// affine, bytes and no biases for the others.
func (l *Loader) scaleType(base string, scales Entry, s Scheme, hasBiases bool) bool {
	_, float := floatFormat(scales.DType)
	switch {
	case s.Format != tensor.Affine && scales.DType != "U8":
		l.other("%s: %s.scales: dtype %s, want U8 for %v", scales.File, base, scales.DType, s)
	case s.Format != tensor.Affine && hasBiases:
		l.other("%s: %s.biases: there, want none for %v", scales.File, base, s)
	case s.Format != tensor.Affine:
		return true
	case !float:
		l.other("%s: %s.scales: dtype %s, want floats for %v", scales.File, base, scales.DType, s)
	case !hasBiases && areExponents(scales):
		l.other("%s: %s.scales: whole numbers near 120 and no biases: these are the exponents of mxfp4"+
			" written as %s, not scales of %v; the file must be converted again", scales.File, base, scales.DType, s)
	case !hasBiases:
		l.missing(base+".biases", scales.Shape)
	default:
		return true
	}
	return false
}

// areExponents reports whether scales look like e8m0 exponents that a
// converter wrote as floats: all whole and around 120, which no scale of
// trained weights is.
func areExponents(scales Entry) bool {
	if len(scales.Data) == 0 {
		return false
	}
	width := dtypeBits[scales.DType] / 8
	values, ok := widen(nil, scales.DType, scales.Data[:min(len(scales.Data), 256*width)])
	for _, v := range values {
		ok = ok && v >= 64 && v < 192 && v == float32(int(v))
	}
	return ok
}
