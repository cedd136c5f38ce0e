//go:build amd64 && !purego

package kernel

// quadsOn reports whether rounded rows go by quads.
func quadsOn() bool { return vnni }

// quads computes a.tiles tiles for a.rows rows, with the kernel for 1, 2 or 4.
func quads(a *quadArgs) {
	if !vnni {
		quadsGeneric(a)
		return
	}
	switch kind := int(a.format)*2 + a.group/roundedBlock; a.rows {
	case 1:
		quadsOne(a, kind)
	case 2:
		quadsTwo(a, kind)
	default:
		quadsFour(a, kind)
	}
}

// The kinds are codes of 4 bits in groups of 32 and of 64, and of 8 bits.

func quadsOne(a *quadArgs, kind int) {
	switch kind {
	case 0:
		q4g32oneVNNI(a)
	case 1:
		q4g64oneVNNI(a)
	case 2:
		q8g32oneVNNI(a)
	default:
		q8g64oneVNNI(a)
	}
}

func quadsTwo(a *quadArgs, kind int) {
	switch kind {
	case 0:
		q4g32twoVNNI(a)
	case 1:
		q4g64twoVNNI(a)
	case 2:
		q8g32twoVNNI(a)
	default:
		q8g64twoVNNI(a)
	}
}

func quadsFour(a *quadArgs, kind int) {
	switch kind {
	case 0:
		q4g32fourVNNI(a)
	case 1:
		q4g64fourVNNI(a)
	case 2:
		q8g32fourVNNI(a)
	default:
		q8g64fourVNNI(a)
	}
}

// roundQuads rounds blocks of 64 values of a row.
func roundQuads(dst *int8, factors, x *float32, blocks, group int, split bool) {
	if !vnni {
		roundQuadsGeneric(dst, factors, x, blocks, group, split)
		return
	}
	roundQuadsAVX512(dst, factors, x, blocks, group, split)
}

//go:noescape
func roundQuadsAVX512(dst *int8, factors, x *float32, blocks, group int, split bool)

//go:noescape
func q4g32oneVNNI(a *quadArgs)

//go:noescape
func q4g32twoVNNI(a *quadArgs)

//go:noescape
func q4g32fourVNNI(a *quadArgs)

//go:noescape
func q4g64oneVNNI(a *quadArgs)

//go:noescape
func q4g64twoVNNI(a *quadArgs)

//go:noescape
func q4g64fourVNNI(a *quadArgs)

//go:noescape
func q8g32oneVNNI(a *quadArgs)

//go:noescape
func q8g32twoVNNI(a *quadArgs)

//go:noescape
func q8g32fourVNNI(a *quadArgs)

//go:noescape
func q8g64oneVNNI(a *quadArgs)

//go:noescape
func q8g64twoVNNI(a *quadArgs)

//go:noescape
func q8g64fourVNNI(a *quadArgs)
